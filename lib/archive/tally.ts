import { textOf } from "../bytes.js";
import type { Counts } from "../report/counts.js";
import type { CreateReport, SkippedPath, UnstablePath } from "../report/create-report.js";
import type { FrozenEntry, FrozenFile, Skipped } from "../stage/entry.js";
import type { Proof } from "../stage/guard.js";
import { namedPath } from "./index.js";

/** What the entries of an archive add up to, in the terms of the report. */
export interface Totals {
  readonly counts: Counts;
  readonly capture: CreateReport["capture"];
  readonly verdicts: CreateReport["verdicts"];
  readonly cut: CreateReport["cut"];
  readonly skipped: readonly SkippedPath[];
  readonly unstable: readonly UnstablePath[];
  readonly excluded: CreateReport["excluded"];
  /** What `integrity_check` found in databases, in words. */
  readonly damaged: readonly string[];
  /** All that is not in the archive, for whatever reason. */
  readonly left: number;
}

export interface Tally {
  readonly file: (file: FrozenFile, proof: Proof) => void;
  readonly other: (type: Exclude<FrozenEntry["type"], "file" | "skip">) => void;
  readonly skip: (skipped: Skipped) => void;
  readonly totals: () => Totals;
}

export function tally(): Tally {
  const counts = { files: 0, directories: 0, symlinks: 0, hardlinks: 0, databases: 0, bytes: 0 };
  const capture = { clone: 0, link: 0, copy: 0, database: 0 };
  const verdicts = { exact: 0, prefix: 0, recaptured: 0, unstable: 0 };
  const cuts = { files: 0, bytes: 0 };
  const skipped: SkippedPath[] = [];
  const unstable: UnstablePath[] = [];
  const damaged: string[] = [];
  const rules = new Map<string, number>();
  let excluded = 0;

  return {
    file({ path, source, method, reason, database }, { size, verdict, cut }) {
      counts.files++;
      counts.bytes += size;
      if (method === "database") counts.databases++;
      capture[method]++;
      verdicts[verdict]++;
      if (cut > 0) {
        cuts.files++;
        cuts.bytes += cut;
      }
      if (verdict === "unstable") unstable.push({ path: textOf(path), source, ...(reason && { reason }) });
      const integrity = database?.integrity;
      if (typeof integrity === "object" && "problems" in integrity) {
        damaged.push(`the database ${textOf(path)} is damaged: ${integrity.problems}`);
      }
    },
    other(type) {
      if (type === "directory") counts.directories++;
      else if (type === "symlink") counts.symlinks++;
      else counts.hardlinks++;
    },
    skip({ path, source, reason, detail }) {
      if (reason === "excluded") {
        excluded++;
        rules.set(detail ?? "", (rules.get(detail ?? "") ?? 0) + 1);
      } else {
        const named = { path: textOf(path), ...namedPath(path) };
        skipped.push({ ...named, source, reason, ...(detail !== undefined && { detail }) });
      }
    },
    totals: () => ({
      ...{ counts, capture, verdicts, cut: cuts, skipped, unstable, damaged },
      excluded: { count: excluded, rules: [...rules].map(([rule, count]) => ({ rule, count })) },
      left: excluded + skipped.length,
    }),
  };
}
