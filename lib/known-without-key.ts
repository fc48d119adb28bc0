import type { Bytes } from "./bytes.js";
import { HoldstillError } from "./errors.js";
import type { Filesystem } from "./filesystem.js";
import { knownText } from "./report/known-text.js";
import { readSummary } from "./vault/catalog.js";

/** Adds to an error for want of a key what is known of the archive without one. */
export async function tellingWhatIsKnown<T>(fs: Filesystem, archive: Bytes, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof HoldstillError) || error.code !== "wrong-key") throw error;
    const summary = readSummary(fs, archive, fs.lstat(archive));
    if (summary === undefined) throw error;
    const { code, message, path, hint = "", cause } = error;
    throw new HoldstillError(code, message, { path, hint: `${hint} ${knownText(summary)}`, cause });
  }
}
