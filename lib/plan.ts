import { textOf } from "./bytes.js";
import { prepare, type CreateOptions } from "./prepare.js";
import type { CreatePlan, PlannedSource } from "./report/create-report.js";
import { survey } from "./stage/survey.js";
import type { Surroundings } from "./surroundings.js";

/** What `create` with the same options would back up. Writes nothing. */
export async function plan(options: CreateOptions, around: Surroundings): Promise<CreatePlan> {
  const prepared = prepare(options, around);
  const sources: PlannedSource[] = [];
  const counts = { files: 0, directories: 0, bytes: 0 };
  const rules = new Map<string, number>();
  for (const source of prepared.sources) {
    const found = await survey(around.fs, source, around.signal);
    const excluded = [...found.rules].map(([rule, count]) => ({ rule, count }));
    sources.push({ path: textOf(source.path), files: found.files, bytes: found.bytes, excluded });
    counts.files += found.files;
    counts.directories += found.directories;
    counts.bytes += found.bytes;
    for (const { rule, count } of excluded) rules.set(rule, (rules.get(rule) ?? 0) + count);
  }
  const list = [...rules].map(([rule, count]) => ({ rule, count }));
  return {
    outcome: "planned",
    archive: prepared.archive,
    compression: prepared.choice.format,
    sources,
    counts,
    excluded: { count: list.reduce((sum, { count }) => sum + count, 0), rules: list },
    problems: prepared.plan.problems,
  };
}
