import type { ArchivedSource } from "../archive/check.js";
import { nameOf, parentOf, under, type Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import { statIfThere } from "../stat-if-there.js";
import { sidecarsOf, startDatabaseChild, type DatabaseChild } from "../stage/database.js";
import { descentInto, hasDescriptorPaths } from "../stage/descent.js";
import type { Attempts } from "./attempt.js";
import { secondsOf } from "./attributes.js";
import type { Place } from "./layout.js";
import type { WrittenDatabase } from "./writer.js";

/** What was taken out of the databases of an OpenClaw state. */
export interface DroppedRows {
  /** Databases that had such tables. */
  readonly databases: number;
  /** How many rows of each table. */
  readonly rows: Readonly<Record<string, number>>;
}

/** Where OpenClaw keeps its own databases, whose names begin like this. */
const KINDS = ["state", "agent"];
const OWN_NAME = /^openclaw(?:-[a-z]+)?\.sqlite$/;
/** Agents work in such directories, in which there may be anybody's, of any name. */
const WORKSPACE = /^workspace(?:-[^/]+)?\//;

/** Which of the databases are OpenClaw's own. */
export function ownDatabases(
  databases: readonly WrittenDatabase[],
  sources: readonly ArchivedSource[],
  placeOf: (name: Bytes) => Place | undefined,
): WrittenDatabase[] {
  return databases.filter(({ name }) => {
    const { source, path } = placeOf(name) ?? {};
    if (source === undefined || path === undefined || !KINDS.includes(sources[source]?.kind ?? "")) return false;
    return OWN_NAME.test(nameOf(path)) && !WORKSPACE.test(path);
  });
}

/**
 * Takes leases and pending deliveries out of restored databases, so that a gateway that is started on them does not
 * send again what it has sent since. To be called before there are symbolic links.
 */
export async function dropDeliveries(
  fs: Filesystem,
  target: Bytes,
  databases: readonly WrittenDatabase[],
  { attempts, signal, pid }: { readonly attempts: Attempts; readonly signal: AbortSignal; readonly pid: number },
): Promise<DroppedRows> {
  const rows: Record<string, number> = {};
  let changed = 0;
  let child: DatabaseChild | undefined;
  const viaDescriptors = hasDescriptorPaths(fs);
  const down = descentInto(fs, target);
  try {
    for (const { to, attributes } of databases) {
      const { fd, base } = down.enter(parentOf(to));
      const path = under(base, nameOf(to));
      // SQLite would obey a journal that lies beside it, and that may name files anywhere.
      if (sidecarsOf(path).some((sidecar) => statIfThere(fs, sidecar) !== undefined)) {
        attempts.refuse(to, "its leases and pending deliveries are still in it: a journal lies beside it");
        continue;
      }
      child ??= await startDatabaseChild({ signal });
      const forChild = viaDescriptors ? (`/proc/${pid}/fd/${fd}/${nameOf(to)}` as Bytes) : path;
      const dropped = await child.dropDeliveries(forChild);
      if ("problem" in dropped) {
        attempts.refuse(to, `its leases and pending deliveries are still in it: ${dropped.problem}`);
      } else if (Object.keys(dropped.rows).length > 0) {
        changed++;
        for (const [table, count] of Object.entries(dropped.rows)) rows[table] = (rows[table] ?? 0) + count;
      }
      const seconds = secondsOf(attributes.mtimeNs);
      attempts.attempt(to, () => fs.utimes(path, seconds, seconds));
    }
  } finally {
    down.close();
    await child?.close();
  }
  return { databases: changed, rows };
}
