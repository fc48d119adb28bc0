import { databaseBodies, type DatabaseBodies } from "./archive/database-bodies.js";
import type { Checked } from "./archive/check.js";
import { textOf, type Bytes } from "./bytes.js";
import { HoldstillError } from "./errors.js";
import { startDatabaseChild, type DatabaseChild } from "./stage/database.js";
import type { Surroundings } from "./surroundings.js";
import { makeTemporary, temporaryFailure, type Temporary } from "./with-temporary.js";

export type DatabaseNeeds = Pick<Surroundings, "fs" | "env" | "signal" | "scratch">;

/** A database that was damaged when it was captured, by its name in the archive. */
export interface DamagedDatabase {
  readonly path: string;
  /** What `integrity_check` said, a line each. */
  readonly problems: string;
}

export interface DatabaseChecks {
  readonly bodies: DatabaseBodies;
  readonly close: () => Promise<void>;
}

/** Has the databases of an archive checked by SQLite, each from a private copy in the directory for temporary files. */
export function databaseChecks({ fs, env, signal, scratch }: DatabaseNeeds): DatabaseChecks {
  let directory: Temporary | undefined;
  let child: Promise<DatabaseChild> | undefined;

  const privateDirectory = (): Bytes => (directory ??= makeTemporary("verify", { fs, env, scratch })).path;
  const bodies = databaseBodies(fs, privateDirectory, async (copy) => {
    child ??= startDatabaseChild({ signal });
    return (await child).check(copy);
  });
  return {
    bodies: {
      ...bodies,
      data(chunk) {
        try {
          return bodies.data(chunk);
        } catch (error) {
          throw temporaryFailure(env, error);
        }
      },
      async end() {
        try {
          await bodies.end();
        } catch (error) {
          throw temporaryFailure(env, error);
        }
      },
    },
    async close() {
      await child?.then((started) => started.close());
      directory?.remove();
    },
  };
}

/**
 * What is to be said of the databases: which could not be checked, in sentences, and which are as damaged as when they
 * were captured.
 * @throws HoldstillError `bad-archive` for one that was sound when it was captured, or whose archive does not say
 */
export function judgeDatabases(
  { index }: { readonly index?: Pick<NonNullable<Checked["index"]>, "sound"> },
  { found }: DatabaseBodies,
): { readonly unchecked: readonly string[]; readonly damaged: readonly DamagedDatabase[] } {
  const unchecked: string[] = [];
  const damaged: DamagedDatabase[] = [];
  for (const [name, integrity] of found) {
    if (integrity === "ok") continue;
    const path = textOf(name);
    if ("unchecked" in integrity) {
      unchecked.push(`the database ${path} could not be checked: ${integrity.unchecked}`);
    } else if (index && !index.sound.includes(name)) {
      damaged.push({ path, problems: integrity.problems });
    } else {
      throw new HoldstillError("bad-archive", `the database ${path} is damaged: ${integrity.problems}`);
    }
  }
  return { unchecked, damaged };
}
