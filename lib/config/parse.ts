import type { z } from "zod";
import type { Problem } from "../errors.js";
import { readYaml, type Flaw, type Path, type Position, type Yaml } from "./document.js";
import { nearest } from "./nearest.js";
import { HOOK_TIMEOUT, SCHEMA } from "./schema.js";
import { KEYS, optionOf, placeOf, settingOf, type Given, type Key } from "./settings.js";
import { readDestination, readDuration, readPath, readPathOf, UNLIMITED, type Here } from "./values.js";

/** A command to run: a line for the shell, or a program and its arguments. */
export interface Hook {
  readonly command: string | readonly string[];
  /** Milliseconds. */
  readonly timeout: number;
}

export type Moment = "before" | "success" | "incomplete" | "failure";

/** Where an address is to be had: itself, or a file or a systemd credential that has it. */
export type Address = { readonly url: string } | { readonly urlFile: string } | { readonly urlCredential: string };

export type Notification = Address & {
  readonly style: "healthchecks" | "plain";
  /** Milliseconds. */
  readonly timeout: number;
};

/** What a configuration file says. */
export interface FromFile {
  readonly path: string;
  readonly given: Given;
  readonly positions: Readonly<Partial<Record<Key, Position>>>;
  readonly hooks: Readonly<Partial<Record<Moment, Hook>>>;
  readonly notifications: readonly Notification[];
}

export interface Parsed {
  /** Undefined where there are problems. */
  readonly file: FromFile | undefined;
  readonly problems: readonly Problem[];
}

/** Reads a configuration and finds everything that is wrong with it. Relative paths in it start where it lies. */
export function parseConfiguration(text: string, path: string, here: Here): Parsed {
  const yaml = readYaml(text);
  const checked = SCHEMA.safeParse(yaml.data ?? {});
  const wrong = (checked.error?.issues ?? [])
    .flatMap((issue) => flawsOf(issue, yaml))
    .filter(({ line }) => !yaml.flaws.some((flaw) => isSpoilt(line, flaw)));
  const problems = [...yaml.flaws, ...wrong].sort((a, b) => a.line - b.line || a.column - b.column);
  if (checked.data === undefined || problems.length > 0) {
    return {
      file: undefined,
      problems: problems.map(({ line, column, message }) => ({ path, line, column, message })),
    };
  }
  return { file: { path, ...fileOf(checked.data, yaml, here) }, problems: [] };
}

function isSpoilt(line: number, { spoilt }: Flaw): boolean {
  return spoilt !== undefined && spoilt.from <= line && line <= spoilt.to;
}

type Issue = z.core.$ZodIssue;

function flawsOf(issue: Issue, yaml: Yaml, base: Path = []): (Position & { readonly message: string })[] {
  const path = [...base, ...issue.path.map((step) => (typeof step === "number" ? step : String(step)))];
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ ...yaml.keyAt([...path, key]), message: unknownKey([...path, key]) }));
  }
  // Of a list with something wrong in it, that.
  const inside = issue.code === "invalid_union" ? issue.errors.find((errors) => errors.every(isInside)) : undefined;
  if (inside !== undefined && inside.length > 0) return inside.flatMap((deeper) => flawsOf(deeper, yaml, path));
  const name = nameOf(path);
  return [{ ...yaml.valueAt(path), message: `${name === "" ? "the configuration" : name} ${issue.message}` }];
}

function isInside({ path, code }: Issue): boolean {
  return path.length > 0 || code === "unrecognized_keys" || code === "custom";
}

function nameOf(path: Path): string {
  return path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`))
    .join("")
    .replace(/^\./, "");
}

function unknownKey(path: Path): string {
  const name = String(path.at(-1));
  const meant = placeMeant(name) ?? nearest(name, keysIn(path.slice(0, -1)));
  return `there is no key ${nameOf(path)}${meant === undefined ? "" : `: did you mean ${meant}?`}`;
}

/** For a key that was written as the option is, or that stands in another section. */
function placeMeant(name: string): string | undefined {
  const key = KEYS.find((known) => known === name || optionOf(known) === name);
  return key === undefined ? undefined : placeOf(key).join(".");
}

function keysIn(path: Path): string[] {
  let schema: unknown = SCHEMA;
  for (const step of path) schema = typeof step === "number" ? schema : shapeOf(schema)[step];
  return Object.keys(shapeOf(schema));
}

/** The keys of a schema of an object, also of one that is optional or one of a list. */
function shapeOf(schema: unknown): Readonly<Record<string, unknown>> {
  if (typeof schema !== "object" || schema === null || !("def" in schema)) return {};
  const def = schema.def as { readonly shape?: Record<string, unknown>; innerType?: unknown; options?: unknown[] };
  return def.shape ?? shapeOf(def.innerType ?? def.options?.at(-1));
}

type Data = z.output<typeof SCHEMA>;

function fileOf(data: Data, yaml: Yaml, here: Here): Omit<FromFile, "path"> {
  const given: Record<string, unknown> = {};
  const positions: Partial<Record<Key, Position>> = {};
  for (const key of KEYS) {
    const place = placeOf(key);
    const value = place.reduce<unknown>(
      (inside, step) => (inside as Record<string, unknown> | undefined)?.[step],
      data,
    );
    if (value === undefined) continue;
    given[key] = valueOf(key, value, here);
    positions[key] = yaml.keyAt(place);
  }
  const { hooks = {}, notifications = [] } = data;
  return {
    given,
    positions,
    hooks: Object.fromEntries(
      Object.entries(hooks).flatMap(([moment, hook]) => (hook === undefined ? [] : [[moment, hookOf(hook)]])),
    ),
    notifications: [notifications].flat().map(({ url, urlFile, urlCredential, style, timeout }) => ({
      ...addressOf(url, urlFile, urlCredential, here),
      ...{ style, timeout: milliseconds(timeout) },
    })),
  };
}

function hookOf(hook: NonNullable<NonNullable<Data["hooks"]>[Moment]>): Hook {
  const { command, timeout } =
    typeof hook === "string" || Array.isArray(hook) ? { command: hook, timeout: HOOK_TIMEOUT } : hook;
  return { command, timeout: milliseconds(timeout) };
}

function valueOf(key: Key, value: unknown, here: Here): unknown {
  const setting = settingOf(key);
  const { kind } = setting;
  if (kind === "duration") return milliseconds(value as string | 0);
  if (value === UNLIMITED && kind === "count") return -1;
  if (kind === "path") return readPath(value as string, here);
  if (kind === "destination") return readDestination(value as string, here);
  if (kind === "paths") return [value as string | string[]].flat().map((path) => readPathOf(setting, path, here));
  return kind === "texts" ? [value].flat() : value;
}

function milliseconds(duration: string | number): number {
  return readDuration(String(duration)) ?? 0;
}

function addressOf(
  url: string | undefined,
  urlFile: string | undefined,
  urlCredential: string | undefined,
  here: Here,
): Address {
  if (url !== undefined) return { url };
  return urlFile !== undefined ? { urlFile: readPath(urlFile, here) } : { urlCredential: urlCredential ?? "" };
}
