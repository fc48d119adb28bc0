import { isOfDisk } from "../errors.js";
import { failureOf } from "../report/failure.js";
import { dropFresh } from "./containers.js";
import { dropReserve, forget } from "./journal-file.js";
import type { Journal } from "./journal.js";
import { resumeCommand, type Work } from "./work.js";

/** Nothing of a command that has succeeded, or was never run, is needed any more: only the archive stays. */
export async function finish({ fs, archives }: Work, { id, places }: Journal): Promise<void> {
  dropFresh(fs, places);
  await forget(fs, archives, id);
  dropReserve(fs, archives);
}

/** The same where it is told what the disk refuses: that takes nothing from what was done, nor hides why it was not. */
export async function letGo(work: Work, journal: Journal): Promise<void> {
  try {
    await finish(work, journal);
  } catch (error) {
    if (!isOfDisk(error)) throw error;
    const why = failureOf(error).message;
    work.onEvent({
      type: "warning",
      message: `what was kept is still there (${why}), and goes by: ${resumeCommand(work)}`,
    });
  }
}
