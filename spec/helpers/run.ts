import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { create, type CreateOptions } from "../../lib/create.js";
import { disk } from "../../lib/filesystem.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import type { Event } from "../../lib/report/events.js";
import { createScratch } from "../../lib/scratch.js";
import type { Surroundings } from "../../lib/surroundings.js";
import { contents, tmpDirectory } from "./tree.js";

export const DEFAULTS: CreateOptions = {
  sources: undefined,
  profile: undefined,
  output: undefined,
  waitMs: 0,
  strategy: "auto",
  compress: "none",
  level: undefined,
  label: undefined,
  exclude: [],
  verify: true,
  onlyConfig: false,
  includeWorkspace: true,
  defaultExcludes: true,
  excludeCaches: false,
  retention: undefined,
};

/** The world of a run that a spec can look into: what was told, and what would have been left behind. */
export function surroundings(replaced: Partial<Surroundings> = {}): Surroundings & { readonly events: Event[] } {
  const home = tmpDirectory();
  const events: Event[] = [];
  return {
    ...{ fs: disk, env: { PATH: process.env["PATH"] }, homedir: home, cwd: home, now: Date.now },
    signal: new AbortController().signal,
    onEvent: (event) => void events.push(event),
    scratch: createScratch(),
    ...replaced,
    events,
  };
}

/** Backs up one source into a fresh archive directory, uncompressed unless said otherwise. */
export function createFrom(
  source: string,
  options: Partial<CreateOptions> = {},
  replaced: Partial<Surroundings> = {},
): Promise<CreateReport> {
  const output = options.output ?? join(tmpDirectory(), "archives");
  return create({ ...DEFAULTS, sources: [source], output, ...options }, surroundings(replaced));
}

/** What GNU tar makes of an archive. */
export function extract(archive: string): string {
  const target = join(tmpDirectory(), "extracted");
  mkdirSync(target);
  execFileSync("tar", ["-xf", archive, "-C", target]);
  return target;
}

/** Where GNU tar extracted one source. */
export function extractedPath({ archive }: CreateReport, source: string): string {
  const target = extract(archive);
  const [root = ""] = readdirSync(target);
  return join(target, root, "payload/posix", source);
}

/** The contents of one source as GNU tar extracts them. */
export function extracted(report: CreateReport, source: string): Record<string, string> {
  return contents(extractedPath(report, source));
}

/** The lines of an archive's index, parsed. */
export function indexOf({ archive }: CreateReport): Record<string, unknown>[] {
  const target = extract(archive);
  const [root = ""] = readdirSync(target);
  const text = readFileSync(join(target, root, "holdstill/index.jsonl"), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}
