import type { KnownDatabase } from "./databases.js";
import type { FrozenFile } from "./entry.js";
import type { ManyNamed } from "./hardlinks.js";
import type { Tree } from "./tree.js";
import { SIDECAR_RULE, captureAs } from "./walk.js";

/**
 * Copies the pinned databases of a source into its stage, and takes back what was captured of their sidecars before
 * they were known. One that cannot be copied is kept as bytes, with the reason.
 */
export async function copyDatabases(tree: Tree, manyNamed: ManyNamed): Promise<void> {
  for (const [path, entry] of [...tree.entries]) {
    if (entry.type !== "file") continue;
    const absolute = tree.pathOf(path);
    if (tree.databases.isSidecar(absolute)) {
      tree.entries.set(path, { type: "skip", source: tree.source, path, reason: "excluded", detail: SIDECAR_RULE });
    }
    if (entry.method !== "database") continue;
    const known = tree.databases.known(absolute);
    if (known) await copyDatabase(tree, entry, known, manyNamed);
  }
  await tree.copies.done();
}

async function copyDatabase(tree: Tree, file: FrozenFile, known: KnownDatabase, manyNamed: ManyNamed): Promise<void> {
  const outcome = await tree.databases.copy(known);
  if (outcome.status === "failed") {
    const kept = { verdict: "unstable", reason: `it could not be copied as a database: ${outcome.reason}` } as const;
    tree.entries.delete(file.path);
    await captureAs(tree, file.path, tree.pathOf(file.path), tree.method, kept);
    return;
  }
  const { size, ...database } = outcome.database;
  const copied: FrozenFile = { ...file, size, database: { pinnedAt: new Date(file.at).toISOString(), ...database } };
  const identity = manyNamed.get(file);
  if (identity !== undefined) manyNamed.set(copied, identity);
  tree.entries.set(file.path, copied);
}
