/**
 * The process that holds the databases: started by `database.ts`, spoken to over its channel, and ended by closing
 * that. It opens nothing but databases and their copies; no file of a database whose pin it holds is ever closed.
 */
import type { Bytes } from "../bytes.js";
import { isNoSpace } from "../errors.js";
import type { Dropped, Reply, Request } from "./database.js";
import { dropDeliveries } from "./database-deliveries.js";
import { databasePins } from "./database-pins.js";
import { complaintOf, loadSqlite, messageOf } from "./sqlite.js";

const MISSING = "needs SQLite: install the package @photostructure/sqlite, or use Node 22.16 or newer";

type Databases = ReturnType<typeof databasePins> & { readonly dropDeliveries: (path: Bytes) => Dropped };

async function startPins(): Promise<Databases> {
  try {
    const sqlite = await loadSqlite();
    return { ...databasePins(sqlite), dropDeliveries: (path: Bytes) => dropDeliveries(sqlite, path) };
  } catch (error) {
    const reason = `${MISSING} (${messageOf(error)})`;
    return {
      pin: (requests) => Promise.resolve(requests.map(() => ({ status: "unreadable", reason }))),
      copy: () => Promise.resolve({ status: "failed", reason }),
      check: () => ({ unchecked: reason }),
      dropDeliveries: () => ({ problem: reason }),
    };
  }
}

const pins = await startPins();

async function answer(request: Request): Promise<Reply> {
  const { id } = request;
  try {
    if ("dropDeliveries" in request) return { id, result: pins.dropDeliveries(request.dropDeliveries) };
    if ("check" in request) return { id, result: { integrity: pins.check(request.check) } };
    return { id, result: "pin" in request ? await pins.pin(request.pin) : await pins.copy(request.copy) };
  } catch (error) {
    const full = isNoSpace(error) || complaintOf(error) === "full";
    return { id, error: { code: full ? "no-space" : "io", message: messageOf(error) } };
  }
}

function tell(reply: Reply): void {
  process.send?.(reply);
}

process.umask(0o077);
process.on("disconnect", () => process.exit());
process.on("message", (request: Request) => void answer(request).then(tell));
tell({ ready: true });
