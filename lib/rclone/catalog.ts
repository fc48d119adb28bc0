import { textOf, type Bytes } from "../bytes.js";
import { drained, type Engine } from "../engine/run.js";
import { askRclone, at, type EngineNeeds } from "./run.js";

/** Where a remote has what archive directories have in `.holdstill/index`. */
const CATALOG = ".holdstill/index";

/**
 * Copies what a catalog directory has of an archive beside it on the remote. One after the other: WebDAV servers refuse
 * to make the same directory for several at once.
 */
export async function sendCatalog(rclone: Engine, catalog: Bytes, name: string, around: EngineNeeds): Promise<void> {
  await askRclone(
    rclone,
    ["copy", "--transfers", "1", ...notesOf(name), textOf(catalog), at(CATALOG)],
    drained,
    around,
  );
}

/** Fetches what the remote's catalog has of one archive. */
export async function fetchCatalog(rclone: Engine, name: string, into: Bytes, around: EngineNeeds): Promise<void> {
  await askRclone(rclone, ["copy", ...notesOf(name), at(CATALOG), textOf(into)], drained, around);
}

/** Fetches the summaries of all archives. */
export async function fetchSummaries(rclone: Engine, into: Bytes, around: EngineNeeds): Promise<void> {
  await askRclone(rclone, ["copy", "--include", "/*.json", at(CATALOG), textOf(into)], drained, around);
}

/** Removes what the remote's catalog has of archives that are gone. */
export async function removeCatalogs(rclone: Engine, names: readonly string[], around: EngineNeeds): Promise<void> {
  await askRclone(rclone, ["delete", ...names.flatMap(notesOf), at(CATALOG)], drained, around);
}

/** The filter for what a catalog has of one archive. */
function notesOf(name: string): string[] {
  return ["--include", `/${literal(name)}.{json,sha256,jsonl.gz,jsonl.gz.age}`];
}

/** A name in which nothing stands for anything else. */
function literal(name: string): string {
  return name.replace(/[*?[\]{}\\]/g, "\\$&");
}
