import { nameOf, parentOf, type Bytes } from "../bytes.js";
import { isErrno } from "../errors.js";
import type { KnownDatabase } from "./databases.js";
import type { FrozenFile } from "./entry.js";
import type { ManyNamed } from "./hardlinks.js";
import { keepBytes } from "./keep.js";
import { lose } from "./note.js";
import { SIDECAR_RULE } from "./take.js";
import type { Tree } from "./tree.js";

/**
 * Copies the pinned databases of a source into its stage, and takes back what was captured of their sidecars before
 * they were known. One that cannot be copied is kept as bytes, with the reason.
 */
export async function copyDatabases(tree: Tree, manyNamed: ManyNamed): Promise<void> {
  const found: FrozenFile[] = [];
  for (const entry of tree.entries.values()) {
    if (entry.type !== "file") continue;
    const { path, method } = entry;
    if (method === "database") found.push(entry);
    if (tree.databases.isSidecar(tree.pathOf(path))) {
      tree.entries.set(path, { type: "skip", source: tree.source, path, reason: "excluded", detail: SIDECAR_RULE });
    }
  }
  for (const file of found) {
    const known = tree.databases.known(tree.pathOf(file.path));
    if (known) await copyDatabase(tree, file, known, manyNamed);
  }
  await tree.copies.done();
}

async function copyDatabase(tree: Tree, file: FrozenFile, known: KnownDatabase, manyNamed: ManyNamed): Promise<void> {
  const outcome = await tree.databases.copy(known);
  if (outcome.status === "failed") {
    const kept = { verdict: "unstable", reason: `it could not be copied as a database: ${outcome.reason}` } as const;
    tree.entries.delete(file.path);
    const from = pathInPlace(tree, file.path);
    if (from === undefined) lose(tree, file.path);
    else await keepBytes(tree, file.path, from, kept);
    return;
  }
  const { size, ...database } = outcome.database;
  const copied: FrozenFile = { ...file, size, database: { pinnedAt: new Date(file.at).toISOString(), ...database } };
  const identity = manyNamed.get(file);
  if (identity !== undefined) manyNamed.set(copied, identity);
  tree.entries.set(file.path, copied);
}

/** Where a file is to be opened, through the directories that lead to it; undefined where they are gone. */
function pathInPlace(tree: Tree, path: Bytes): Bytes | undefined {
  try {
    return `${tree.descent.enter(parentOf(path)).base}/${nameOf(tree.pathOf(path))}` as Bytes;
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR", "ELOOP", "ESTALE", "EACCES", "EPERM")) return undefined;
    throw error;
  }
}
