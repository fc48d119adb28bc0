import ignore, { type Ignore } from "ignore";
import { textOf, type Bytes } from "../bytes.js";
import type { Kind } from "../filesystem.js";
import { anchoredBelow } from "./pattern.js";

export interface Rule {
  /** What the report counts: the pattern, or a name such as `openclaw:npm`. */
  readonly name: string;
  /** One gitignore line; its root is that of the source. */
  readonly pattern: string;
  /** Whether no other rule can bring back what this one leaves out. */
  readonly always?: true;
}

export interface Excluder {
  /**
   * The name of the rule that leaves this out. Directories are asked before they are entered, so what lies below
   * an excluded one is never asked. The kind decides whether patterns with a slash at their end apply.
   */
  readonly rule: (path: Bytes, kind: Kind) => string | undefined;
  /** This excluder with the lines of an ignore file in `directory`, which hold below it. */
  readonly within: (directory: Bytes, ignoreFile: string) => Excluder;
}

/** The name of the ignore file that is looked for in every directory. */
export const IGNORE_FILE = ".holdstillignore";

/**
 * Later rules win: the profile's, then those of ignore files from the root down, then the user's, as in git.
 * Names that are not UTF-8 are matched as text with U+FFFD.
 */
export function excluder(profile: readonly Rule[], user: readonly Rule[]): Excluder {
  return layered(profile, [], user);
}

function layered(profile: readonly Rule[], files: readonly Rule[], user: readonly Rule[]): Excluder {
  const within = (directory: Bytes, ignoreFile: string): Excluder => {
    const added = ignoreRules(directory, ignoreFile);
    return added.length === 0 ? self : layered(profile, [...files, ...added], user);
  };
  const rules = [...profile, ...files, ...user];
  const rule = rules.length === 0 ? () => undefined : matching(rules);
  const self: Excluder = { rule, within };
  return self;
}

function matching(rules: readonly Rule[]): Excluder["rule"] {
  const always = matcher(rules.filter((rule) => rule.always));
  const others = matcher(rules.filter((rule) => !rule.always));
  return (path, kind) => {
    if (path === ".") return undefined;
    const text = kind === "directory" ? `${textOf(path)}/` : textOf(path);
    return always(text) ?? others(text);
  };
}

/** `ignore` remembers every path it was ever asked about; a matcher is replaced, rules and all, before that hurts. */
const REMEMBERED = 4096;

function matcher(rules: readonly Rule[]): (path: string) => string | undefined {
  if (rules.length === 0) return () => undefined;
  const patterns = rules.map(({ name, pattern }) => ({ pattern, mark: name }));
  const fresh = (from: Parameters<Ignore["add"]>[0]) =>
    ignore({ ignorecase: false, allowRelativePaths: true }).add(from);
  let current = fresh(patterns);
  let asked = 0;
  return (path) => {
    if (++asked > REMEMBERED) {
      current = fresh(current);
      asked = 0;
    }
    const { rule } = current.test(path);
    return rule && (rule.mark ?? rule.pattern);
  };
}

function ignoreRules(directory: Bytes, ignoreFile: string): Rule[] {
  const at = textOf(directory);
  const file = at === "." ? IGNORE_FILE : `${at}/${IGNORE_FILE}`;
  return ignoreFile
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => !/^(#.*|!?\/? *)$/.test(line))
    .map((line) => ({ name: `${file}: ${line}`, pattern: anchoredBelow(at, line) }));
}
