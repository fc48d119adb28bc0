import { posix } from "node:path";
import JSON5 from "json5";
import { isWithin } from "./sources.js";
import type { Look } from "./plan.js";

export interface Configuration {
  /** The configuration with its includes merged in; empty where it is missing or does not parse. */
  readonly value: Record<string, unknown>;
  /** The included files, links in their paths resolved. */
  readonly included: readonly string[];
  readonly problems: readonly string[];
}

const MAX_DEPTH = 10;

/** Levels of lists and objects in one file: far more than OpenClaw has, and fewer than there is stack for. */
const MAX_LEVELS = 100;

/**
 * OpenClaw's configuration: JSON5 in which `{ $include: "file" | [files] }` stands for the contents of other files,
 * relative to the including one. OpenClaw takes includes from the directory of the configuration and from `roots`
 * only; others are a problem and not backed up. What fails is left out of the value and named.
 */
export function configuration(path: string, roots: readonly string[], look: Look): Configuration {
  const included = new Set<string>();
  const problems: string[] = [];
  const allowed = [posix.dirname(path), ...roots].flatMap((root) => [root, look.canonical(root)]);

  const parsed = (file: string): unknown => {
    const text = look.read(file);
    if (text === undefined) return void problems.push(`${file} could not be read`);
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return void problems.push(`${file} does not parse: ${error.message}`);
    }
  };

  const include = (name: unknown, chain: readonly string[]): unknown => {
    const from = chain.at(-1) ?? path;
    if (typeof name !== "string") return void problems.push(`${from}: $include has to name files`);
    const file = posix.resolve(posix.dirname(from), name);
    const canonical = look.canonical(file);
    if (chain.includes(file)) return void problems.push(`${from} and ${file} include each other`);
    if (chain.length > MAX_DEPTH) return void problems.push(`${from}: includes are nested more than ${MAX_DEPTH} deep`);
    if (![file, canonical].every((place) => allowed.some((root) => isWithin(place, root)))) {
      return void problems.push(`${from} includes ${file}, where OpenClaw takes no includes from`);
    }
    if (look.kind(canonical) === "file") included.add(canonical);
    return resolved(parsed(canonical), [...chain, file]);
  };

  const resolved = (value: unknown, chain: readonly string[]): unknown => {
    if (Array.isArray(value)) return value.map((item) => resolved(item, chain));
    if (!isRecord(value)) return value;
    const { $include: names, ...rest } = value;
    const own = Object.fromEntries(Object.entries(rest).map(([key, child]) => [key, resolved(child, chain)]));
    if (names === undefined) return own;
    const base = Array.isArray(names)
      ? names.map((name) => include(name, chain)).reduce((merged, part) => merge(merged, part ?? {}), {})
      : (include(names, chain) ?? {});
    return Object.keys(own).length === 0 ? base : merge(base, own);
  };

  const whole = look.kind(path) === undefined ? {} : resolved(parsed(look.canonical(path)), [path]);
  return { value: isRecord(whole) ? whole : {}, included: [...included], problems };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parse(text: string): unknown {
  const value = parseAny(text);
  if (isDeeper(value, MAX_LEVELS)) throw new SyntaxError(`it is nested more than ${MAX_LEVELS} levels deep`);
  return value;
}

function parseAny(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return JSON5.parse(text);
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1));
}

/** Objects merge, arrays are joined, and of anything else the second wins. */
function merge(first: unknown, second: unknown): unknown {
  if (Array.isArray(first) && Array.isArray(second)) return first.concat(second) as unknown[];
  if (!isRecord(first) || !isRecord(second)) return second;
  const entries = Object.entries(second).map(([key, value]) => [key, merge(first[key], value)] as const);
  return { ...first, ...Object.fromEntries(entries) };
}
