import type { PublishedRun, RunRecord } from "./run-record.js";

/** What there is to know of an archive directory in numbers. */
export interface Metrics {
  readonly directory: string;
  /** When the newest archive was made that is complete and verified, in milliseconds of the epoch. */
  readonly lastSuccessMs: number | undefined;
  readonly lastRun: RunRecord | undefined;
  /** The newest run that published an archive. */
  readonly lastPublished: PublishedRun | undefined;
}

interface Sample {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Metrics in the text format of Prometheus: of archive directories, each with a label that names it. */
export function metricsText(all: readonly Metrics[]): string {
  const seconds = (ms: number): number => ms / 1000;
  const of = (samples: (metrics: Metrics) => readonly Sample[]): Sample[] =>
    all.flatMap((metrics) =>
      samples(metrics).map(({ value, labels }) => ({ value, labels: { directory: metrics.directory, ...labels } })),
    );
  const ran = (value: (run: RunRecord) => number) => of(({ lastRun }) => (lastRun ? [{ value: value(lastRun) }] : []));
  const published = (value: (run: PublishedRun) => number) =>
    of(({ lastPublished }) => (lastPublished ? [{ value: value(lastPublished) }] : []));
  const counted = (label: string, counts: (run: PublishedRun) => Readonly<Record<string, number>>) =>
    of(({ lastPublished }) =>
      Object.entries(lastPublished ? counts(lastPublished) : {}).map(([name, value]) => ({
        value,
        labels: { [label]: name },
      })),
    );
  return [
    ...gauge(
      "last_success_timestamp_seconds",
      "When the newest complete, verified archive was made; 0 where there is none.",
      of(({ lastSuccessMs = 0 }) => [{ value: seconds(lastSuccessMs) }]),
    ),
    ...gauge(
      "last_run_timestamp_seconds",
      "When the last run ended.",
      ran((run) => seconds(Date.parse(run.endedAt))),
    ),
    ...gauge(
      "last_run_exit_code",
      "The exit code of the last run.",
      ran((run) => run.exitCode),
    ),
    ...gauge(
      "last_run_duration_seconds",
      "How long the last run took.",
      ran((run) => seconds(run.durationMs)),
    ),
    ...gauge(
      "archive_bytes",
      "The size of the last archive.",
      published((run) => run.bytes),
    ),
    ...gauge(
      "content_bytes",
      "The size of all files in the last archive.",
      published((run) => run.contentBytes),
    ),
    ...gauge(
      "files",
      "Files in the last archive, by verdict.",
      counted("verdict", (run) => run.verdicts),
    ),
    ...gauge(
      "skipped",
      "What is not in the last archive, by reason.",
      counted("reason", (run) => run.skipped),
    ),
  ].join("");
}

function gauge(name: string, help: string, samples: readonly Sample[]): string[] {
  if (samples.length === 0) return [];
  const full = `holdstill_${name}`;
  return [
    `# HELP ${full} ${help}\n# TYPE ${full} gauge\n`,
    ...samples.map(({ value, labels = {} }) => `${full}{${labelsText(labels)}} ${value}\n`),
  ];
}

function labelsText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",");
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
