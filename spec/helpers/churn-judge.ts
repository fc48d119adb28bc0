import { createHash } from "node:crypto";
import type { Identity, Journal, Moment, Name, Span } from "./churn-journal.js";

/** A run as seen from outside, in milliseconds of the epoch by the clock of the journal. */
export interface Run {
  readonly from: number;
  readonly to: number;
}

/** What a backup gave back. */
export interface Observed {
  /** Relative to the root of the tree. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  /** Content of a file, target of a link, nothing for a directory. */
  readonly bytes: Buffer | (() => Buffer);
}

export interface JudgeOptions {
  /** Whether a file of this path has to end at a complete line, and every line has to be JSON. */
  readonly cuts?: (path: string) => boolean;
  /** Paths that are left out on purpose: they need not be there. */
  readonly excluded?: (path: string) => boolean;
}

const JSONL = /\.jsonl(\.(reset|deleted|bak).*)?$/;

/**
 * Holds what a backup gave back against the record of what was on disk while it ran.
 * Each violation is one sentence that begins with the path; none means that all promises were kept.
 *
 * An empty file is taken for any of those that may have been empty under its name.
 */
export function judge(journal: Journal, run: Run, observed: Iterable<Observed>, options: JudgeOptions = {}): string[] {
  const { cuts = (path) => JSONL.test(path), excluded = () => false } = options;
  const holders = holdersByPath(journal, run);
  const violations: string[] = [];
  /** Whose each path turned out to be; everybody's who may have had it, where the bytes are already complained of. */
  const found = new Map<string, readonly Identity[]>();

  for (const { path, type, bytes } of observed) {
    if (found.has(path)) violations.push(`${path}: is there twice`);
    const candidates = (holders.get(path) ?? []).filter((holder) => holder.type === type);
    found.set(path, candidates);
    if (candidates.length === 0) {
      violations.push(`${path}: no ${type} had this name during the run`);
      continue;
    }
    if (type !== "file") continue;
    const content = typeof bytes === "function" ? bytes() : bytes;
    const fault = cuts(path) ? faultInLines(content) : undefined;
    const owners = ownersOf(content, candidates, run, cuts(path));
    if (fault !== undefined) violations.push(`${path}: ${fault}`);
    else if (owners.length === 0) violations.push(`${path}: ${whyForeign(content, candidates, journal, cuts(path))}`);
    else found.set(path, owners);
  }

  for (const identity of journal.identities) {
    const names = identity.names.filter((name) => possible(name, run)).map(({ path }) => path);
    const [path] = names;
    if (path === undefined || !livedThrough(identity.names, run)) continue;
    if (names.some((name) => excluded(name) || found.get(name)?.includes(identity))) continue;
    const others = names.length > 1 ? `, nor under its other names ${names.slice(1).join(", ")}` : "";
    violations.push(
      `${path}: this ${identity.type} (${identity.id}) was there all the time and is not in the backup${others}`,
    );
  }
  for (const [path, candidates] of holders) {
    if (found.has(path) || excluded(path) || !heldThroughout(path, candidates, run)) continue;
    violations.push(`${path}: one file after the other had this name all the time and none is in the backup`);
  }
  return violations;
}

function possible({ from, until }: Span, run: Run): boolean {
  return from.before <= run.to && (until === undefined || until.after >= run.from);
}

/** Whether an unbroken row of spans certainly covers the run. */
function livedThrough(spans: readonly Span[], run: Run): boolean {
  const first = spans[0];
  const last = spans.at(-1);
  if (!first || !last) return false;
  return first.from.after <= run.from && (last.until === undefined || last.until.before >= run.to);
}

function holdersByPath({ identities }: Journal, run: Run): Map<string, Identity[]> {
  const holders = new Map<string, Identity[]>();
  for (const identity of identities) {
    for (const name of identity.names) {
      if (!possible(name, run)) continue;
      const others = holders.get(name.path);
      if (!others) holders.set(name.path, [identity]);
      else if (!others.includes(identity)) others.push(identity);
    }
  }
  return holders;
}

/** Whether several files in turn had a name through the whole run, each renamed over the one before. */
function heldThroughout(path: string, candidates: readonly Identity[], run: Run): boolean {
  const files = candidates.filter(({ type }) => type === "file");
  const spans = files
    .flatMap(({ names }) => names)
    .filter((name) => name.path === path && possible(name, run))
    .sort((a, b) => a.from.before - b.from.before);
  const unbroken = spans.every((span, index) => index === 0 || sameMoment(spans[index - 1]?.until, span.from));
  return files.length > 1 && unbroken && livedThrough(spans, run);
}

function sameMoment(a: Moment | undefined, b: Moment): boolean {
  return a?.before === b.before && a.after === b.after;
}

function faultInLines(content: Buffer): string | undefined {
  if (content.length === 0) return undefined;
  const lines = content.toString("utf8").split("\n");
  if (lines.pop() !== "") return `ends in the middle of a line, at byte ${content.length}`;
  const broken = lines.findIndex((line) => !isJson(line));
  return broken < 0 ? undefined : `line ${broken + 1} of ${lines.length} is not JSON`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return false;
  }
}

function ownersOf(content: Buffer, candidates: readonly Identity[], run: Run, cut: boolean): Identity[] {
  const digest = digestOf(content);
  return candidates.filter(({ states }) =>
    states.some((state) => (cut ? (state.cut ?? state.sha256) : state.sha256) === digest && possible(state, run)),
  );
}

function whyForeign(content: Buffer, candidates: readonly Identity[], { identities }: Journal, cut: boolean): string {
  const always: Run = { from: -Infinity, to: Infinity };
  if (ownersOf(content, candidates, always, cut).length > 0) {
    return `its ${content.length} bytes are its own, but of a moment outside the run`;
  }
  const [owner] = ownersOf(content, identities, always, cut);
  if (!owner) return `no file ever had these ${content.length} bytes`;
  const names = owner.names.map(({ path }: Name) => path);
  return `its ${content.length} bytes are those of another file, ${owner.id}, that was called ${names.join(", ")}`;
}

function digestOf(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
