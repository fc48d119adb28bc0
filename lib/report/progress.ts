import type { Event, Phase } from "./events.js";
import { countText, durationText, numberText, sizeText } from "./size.js";

/** How far a run is. `since` is the start of its phase, in milliseconds. */
export interface Progress {
  readonly phase: Phase;
  readonly since: number;
  readonly files: number;
  readonly bytes: number;
  readonly totalFiles?: number | undefined;
  readonly totalBytes?: number | undefined;
}

/** Progress after an event; undefined before the first phase. `now` is in milliseconds. */
export function advance(progress: Progress | undefined, event: Event, now: number): Progress | undefined {
  switch (event.type) {
    case "phase": {
      const { phase, totalFiles, totalBytes } = event;
      return { phase, since: now, files: 0, bytes: 0, totalFiles, totalBytes };
    }
    case "progress":
      return progress && { ...progress, files: event.files, bytes: event.bytes };
    case "warning":
    case "said":
      return progress;
    case "handover":
      return undefined;
  }
}

const DOING: Readonly<Record<Phase, string>> = {
  freeze: "freezing",
  settle: "settling",
  store: "storing",
  archive: "archiving",
  verify: "verifying",
  read: "reading",
  restore: "restoring",
  upload: "uploading",
  download: "downloading",
};

/** A rate over less than this says nothing, in milliseconds. */
const SETTLED = 1000;

function speed({ bytes, totalBytes, since }: Progress, now: number): string[] {
  const elapsed = now - since;
  // Without a total nothing is read that a rate would be about: hard links take no time, whatever their size.
  if (totalBytes === undefined || elapsed < SETTLED || bytes === 0) return [];
  const rate = [`${sizeText((bytes / elapsed) * 1000)}/s`];
  if (bytes >= totalBytes) return rate;
  const left = Math.ceil(((totalBytes - bytes) * elapsed) / bytes / 1000) * 1000;
  return [...rate, `${left < 10_000 ? `${left / 1000} s` : durationText(left)} left`];
}

function amount({ bytes, totalBytes }: Progress): string[] {
  if (totalBytes !== undefined) return [`${sizeText(bytes)} of ${sizeText(totalBytes)}`];
  return bytes > 0 ? [sizeText(bytes)] : [];
}

/** The last column, where some terminals wrap, and `^C`, which terminals show behind the line. */
const SPARE = 3;

/** One line for a terminal that is `columns` wide. */
export function progressLine(progress: Progress, now: number, columns: number): string {
  const { phase, files, totalFiles } = progress;
  const line = [
    DOING[phase],
    totalFiles === undefined ? countText(files, "file") : `${numberText(files)} of ${countText(totalFiles, "file")}`,
    ...amount(progress),
    ...speed(progress, now),
  ].join("  ");
  return line.slice(0, Math.max(0, columns - SPARE));
}
