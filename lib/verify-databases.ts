import { randomBytes } from "node:crypto";
import { databaseBodies, type DatabaseBodies } from "./archive/database-bodies.js";
import type { Checked } from "./archive/check.js";
import { bytesOf, textOf, type Bytes } from "./bytes.js";
import { HoldstillError } from "./errors.js";
import { startDatabaseChild, type DatabaseChild } from "./stage/database.js";
import { removeTree } from "./stage/leftovers.js";
import type { Surroundings } from "./surroundings.js";

export type DatabaseNeeds = Pick<Surroundings, "fs" | "env" | "signal" | "scratch">;

export interface DatabaseChecks {
  readonly bodies: DatabaseBodies;
  readonly close: () => Promise<void>;
}

/** Has the databases of an archive checked by SQLite, each from a private copy in the directory for temporary files. */
export function databaseChecks({ fs, env, signal, scratch }: DatabaseNeeds): DatabaseChecks {
  let directory: { readonly path: Bytes; readonly forget: () => void } | undefined;
  let child: Promise<DatabaseChild> | undefined;

  const privateDirectory = (): Bytes => {
    if (!directory) {
      const path = bytesOf(`${env["TMPDIR"] || "/tmp"}/holdstill-verify-${randomBytes(8).toString("hex")}`);
      fs.mkdir(path, 0o700);
      directory = { path, forget: scratch.add(() => removeTree(fs, path)) };
    }
    return directory.path;
  };
  const bodies = databaseBodies(fs, privateDirectory, async (copy) => {
    child ??= startDatabaseChild({ signal });
    return (await child).check(copy);
  });
  return {
    bodies,
    async close() {
      await child?.then((started) => started.close());
      if (directory) removeTree(fs, directory.path);
      directory?.forget();
    },
  };
}

/**
 * What could not be checked of the databases, in sentences.
 * @throws HoldstillError `bad-archive` for one that was sound when it was captured, or whose archive does not say
 */
export function judgeDatabases({ index }: Checked, { found }: DatabaseBodies): string[] {
  const unchecked: string[] = [];
  for (const [name, integrity] of found) {
    if (integrity === "ok" || (index && !index.sound.includes(name))) continue;
    if ("unchecked" in integrity) {
      unchecked.push(`the database ${textOf(name)} could not be checked: ${integrity.unchecked}`);
    } else {
      throw new HoldstillError("bad-archive", `the database ${textOf(name)} is damaged: ${integrity.problems}`);
    }
  }
  return unchecked;
}
