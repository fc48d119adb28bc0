import { isOfDisk } from "./errors.js";
import type { OnEvent } from "./report/events.js";
import { failureOf } from "./report/failure.js";

/**
 * Cleans up at the end of a run. What the disk refuses there is told, and left to the next run: it neither fails a run
 * that has done its work nor hides why another has failed.
 */
export function tidy(onEvent: OnEvent, ...works: readonly (() => void)[]): void {
  for (const work of works) {
    try {
      work();
    } catch (error) {
      if (!isOfDisk(error)) throw error;
      onEvent({ type: "warning", message: `left for the next run to remove: ${failureOf(error).message}` });
    }
  }
}
