import { closeSync, openSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { bytesOf } from "../../lib/bytes.js";
import { isErrno } from "../../lib/errors.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { lock } from "../../lib/vault/lock.js";
import { thisProcess, type Owner } from "../../lib/vault/owner.js";

/**
 * One of many processes that want the same lock: takes it `rounds` times, fails if somebody else is inside too, and
 * each time leaves it to the others as if it had crashed, in the name of an owner that is dead.
 */
const [directory = "", rounds = "", deadOwner = "", links = ""] = process.argv.slice(2);
const dead = JSON.parse(deadOwner) as Owner;
const inside = join(directory, "inside");
const planted = join(directory, ".holdstill", `planted-${process.pid}`);
const signal = new AbortController().signal;

const withoutLinks: Filesystem = {
  ...disk,
  link: () => {
    throw Object.assign(new Error("ENOTSUP: operation not supported"), { code: "ENOTSUP" });
  },
};
const fs = links === "no-links" ? withoutLinks : disk;

async function eventually(): Promise<{ readonly release: () => void }> {
  for (;;) {
    try {
      return await lock(fs, bytesOf(directory), thisProcess(), { waitMs: 0, signal, now: Date.now });
    } catch (error) {
      if (!isErrno(error, "locked")) throw error;
      await setImmediate();
    }
  }
}

for (let round = 0; round < Number(rounds); round++) {
  const held = await eventually();
  closeSync(openSync(inside, "wx"));
  await setImmediate();
  writeFileSync(planted, JSON.stringify({ ...dead, id: thisProcess().id }));
  unlinkSync(inside);
  renameSync(planted, join(directory, ".holdstill", "lock"));
  held.release();
}
