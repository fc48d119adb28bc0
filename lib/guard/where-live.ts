import { textOf } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { Contents } from "./contents.js";
import { isWithin } from "./mounts.js";
import type { Work } from "./work.js";

/**
 * Tells which sources go back elsewhere, since their paths lead there by links now.
 * @throws HoldstillError `output-unusable` where sources that were apart are not any more
 */
export function tellMoved({ onEvent }: Pick<Work, "onEvent">, { sources }: Pick<Contents, "sources">): void {
  for (const inner of sources) {
    const outer = sources.find(
      (each) => each !== inner && isWithin(inner.path, each.path) && !isWithin(inner.recorded, each.recorded),
    );
    if (outer === undefined) continue;
    throw new HoldstillError(
      "output-unusable",
      `by a link it lies in ${textOf(outer.path)} now, and was apart from it`,
      {
        path: textOf(inner.recorded),
        hint: "Restore the archive into a directory of its own: holdstill restore ARCHIVE --target DIR",
      },
    );
  }
  for (const { path, recorded } of sources) {
    if (path === recorded) continue;
    onEvent({ type: "warning", message: `${textOf(recorded)} leads to ${textOf(path)} now, and is put back there` });
  }
}
