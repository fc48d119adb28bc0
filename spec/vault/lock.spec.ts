import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mock } from "node:test";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { bytesOf, type Bytes } from "../../lib/bytes.js";
import { HoldstillError } from "../../lib/errors.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { lock, type Lock, type LockOptions } from "../../lib/vault/lock.js";
import { describeOwner, thisProcess, type Owner } from "../../lib/vault/owner.js";

const MINUTE = 60_000;
const CONTENDER = fileURLToPath(new URL("./lock-contender.js", import.meta.url));

describe("lock", () => {
  let root: string;
  let directory: Bytes;
  let state: string;
  let lockFile: string;
  const gone = spawnSync("true").pid;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "holdstill-lock-"));
    directory = bytesOf(root);
    state = join(root, ".holdstill");
    lockFile = join(state, "lock");
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  function take(options: Partial<LockOptions> = {}, fs: Filesystem = disk, me: Owner = thisProcess()): Promise<Lock> {
    return lock(fs, directory, me, { waitMs: 0, signal: new AbortController().signal, now: Date.now, ...options });
  }

  function dead(): Owner {
    return { ...thisProcess(), pid: gone };
  }

  /** Writes a mark by hand, as somebody who crashed would have left it. */
  function leave(owner: Owner | string, name = "lock"): void {
    mkdirSync(state, { recursive: true });
    writeFileSync(join(state, name), typeof owner === "string" ? owner : JSON.stringify(owner));
  }

  function holder(): unknown {
    return (JSON.parse(readFileSync(lockFile, "utf8")) as Owner).id;
  }

  async function failure(attempt: Promise<unknown>): Promise<HoldstillError> {
    try {
      await attempt;
    } catch (error) {
      if (error instanceof HoldstillError) return error;
      throw error;
    }
    throw new Error("it succeeded");
  }

  it("names its owner in a private file of a private directory, and leaves nothing there", async () => {
    const me = thisProcess();
    const held = await take({}, disk, me);
    expect(JSON.parse(readFileSync(lockFile, "utf8"))).to.deep.equal(me);
    expect(statSync(lockFile).mode & 0o777).to.equal(0o600);
    expect(statSync(state).mode & 0o777).to.equal(0o700);
    expect(readdirSync(state)).to.deep.equal(["lock"]);

    held.release();
    expect(readdirSync(state)).to.deep.equal([]);
  });

  it("fails at once where another run holds it, and says which", async () => {
    const first = thisProcess();
    const held = await take({}, disk, first);

    const error = await failure(take());
    expect(error.code).to.equal("locked");
    expect(error.message).to.contain(describeOwner(first));
    expect(error.path).to.equal(lockFile);
    expect(holder()).to.equal(first.id);
    expect(readdirSync(state)).to.deep.equal(["lock"]);
    held.release();
  });

  it("waits for the other run and then gets it", async () => {
    const held = await take();
    const me = thisProcess();
    const waiting = take({ waitMs: MINUTE }, disk, me);
    held.release();
    (await waiting).release();
    expect(readdirSync(state)).to.deep.equal([]);
  });

  it("fails when the wait is over, whatever becomes of the clock", async () => {
    const held = await take();
    for (const step of [-MINUTE, MINUTE]) {
      let clock = Date.now();
      const started = performance.now();
      const error = await failure(take({ waitMs: 30, now: () => (clock += step) }));
      expect(error.code).to.equal("locked");
      expect(performance.now() - started).to.be.at.least(29);
    }
    held.release();
  });

  it("stops waiting on a signal, with that signal's reason", async () => {
    const held = await take();
    const controller = new AbortController();
    const waiting = failure(take({ waitMs: MINUTE, signal: controller.signal }));
    controller.abort(new HoldstillError("interrupted", "interrupted"));
    expect((await waiting).code).to.equal("interrupted");
    held.release();
  });

  it("is released once, and only by who still holds it", async () => {
    const me = thisProcess();
    const first = await take({}, disk, me);
    first.release();
    const second = await take({}, disk, me);
    first.release();
    expect(holder()).to.equal(me.id);

    const other = thisProcess();
    leave(other);
    second.release();
    expect(holder()).to.equal(other.id);
  });

  it("is released in peace where the directory is gone", async () => {
    const held = await take();
    rmSync(state, { recursive: true });
    held.release();
    expect(readdirSync(root)).to.deep.equal([]);
  });

  describe("of a dead owner", () => {
    const owners: [string, () => Owner][] = [
      ["whose process has ended", dead],
      ["whose number went to another process", () => ({ ...thisProcess(), startTime: "1" })],
      [
        "of another boot, whose processes are out of sight",
        () => ({ ...thisProcess(), boot: "another", pidNamespace: "another" }),
      ],
    ];
    for (const [which, owner] of owners) {
      it(`is taken over: one ${which}`, async () => {
        leave(owner());
        const me = thisProcess();
        const held = await take({}, disk, me);
        expect(holder()).to.equal(me.id);
        expect(readdirSync(state)).to.deep.equal(["lock"]);
        held.release();
        expect(readdirSync(state)).to.deep.equal([]);
      });
    }

    it("is left alone for an hour where the owner is on another host", async () => {
      leave({ ...dead(), host: "another" });
      const touched = statSync(lockFile).mtimeMs;
      expect((await failure(take({ now: () => touched + 59 * MINUTE }))).code).to.equal("locked");
      (await take({ now: () => touched + 61 * MINUTE })).release();
    });

    for (const text of ["", '{"id":"0123']) {
      it(`is left alone for a minute where its owner cannot be read: ${JSON.stringify(text)}`, async () => {
        leave(text);
        const touched = statSync(lockFile).mtimeMs;
        expect((await failure(take({ now: () => touched + 59_000 }))).code).to.equal("locked");
        (await take({ now: () => touched + 61_000 })).release();
        expect(readdirSync(state)).to.deep.equal([]);
      });
    }

    it("passes on over claimants that died in their turn", async () => {
      const [first, second, third] = [dead(), dead(), dead()];
      leave(first);
      leave(second, `lock.${first.id}`);
      leave(third, `lock.${second.id}`);
      (await take()).release();
      expect(readdirSync(state)).to.deep.equal([]);
    });

    it("belongs to a claimant that lives", async () => {
      const [first, claimant] = [dead(), thisProcess()];
      leave(first);
      leave(claimant, `lock.${first.id}`);
      expect((await failure(take())).message).to.contain(describeOwner(claimant));
      expect(holder()).to.equal(first.id);
    });

    it("is not won over a claim that was dropped and made anew by another", async () => {
      const [first, quitter, claimant, me] = [dead(), dead(), thisProcess(), thisProcess()];
      leave(first);
      leave(quitter, `lock.${first.id}`);
      const link: Filesystem["link"] = (from, to) => {
        if (to.endsWith(quitter.id)) leave(claimant, `lock.${first.id}`);
        disk.link(from, to);
      };
      expect((await failure(take({}, { ...disk, link }, me))).message).to.contain(describeOwner(claimant));
      expect(holder()).to.equal(first.id);
      expect(readdirSync(state).sort()).to.deep.equal(["lock", `lock.${first.id}`]);
    });

    it("is free where its owner had released it, though one who took that owner for dead still claims it", async () => {
      const [owner, late, me] = [dead(), thisProcess(), thisProcess()];
      leave(owner);
      leave(late, `lock.${owner.id}`);
      const released = onceAt(1, () => rmSync(lockFile));
      const openRead: Filesystem["openRead"] = (path) => {
        if (path.endsWith(owner.id)) released();
        return disk.openRead(path);
      };
      const held = await take({}, { ...disk, openRead }, me);
      expect(holder()).to.equal(me.id);
      held.release();
    });

    it("is reported, not chased for ever, where its claim was copied by hand", async () => {
      const owner = dead();
      leave(owner);
      leave(owner, `lock.${owner.id}`);
      expect((await failure(take())).hint).to.contain(join(state, `lock.${owner.id}`));
    });
  });

  it("clears away what dead processes left, and nothing else", async () => {
    const [old, living] = [dead(), thisProcess()];
    leave(old, `lock.${old.id}.new`);
    leave(dead(), `lock.${old.id}`);
    leave(living, `lock.${living.id}.new`);
    leave("", `lock.${dead().id}.new`);
    leave("{}", "runs.jsonl");
    const held = await take();
    expect(readdirSync(state).sort()).to.deep.equal(["lock", `lock.${living.id}.new`, "runs.jsonl"]);
    held.release();
  });

  it("is taken although its holder took the file of a name that was only being written for a leftover", async () => {
    let removed = 0;
    const link = (from: Bytes, to: Bytes): void => {
      if (removed++ === 0) rmSync(from);
      disk.link(from, to);
    };
    const me = thisProcess();
    const held = await take({}, { ...disk, link }, me);
    expect(removed).to.equal(2);
    expect(holder()).to.equal(me.id);
    held.release();
    expect(readdirSync(state)).to.deep.equal([]);
  });

  const ports: [string, Filesystem][] = [
    ["with hard links", disk],
    ["without hard links", { ...disk, link: fail("ENOTSUP") }],
  ];
  for (const [which, port] of ports) {
    describe(which, () => {
      it("is exclusive", async () => {
        const held = await take({}, port);
        expect((await failure(take({}, port))).code).to.equal("locked");
        held.release();
        expect(readdirSync(state)).to.deep.equal([]);
      });

      it("survives a crash at any of its operations, and another crash after that", async () => {
        const survived = await sweep(async (first, second) => {
          rmSync(state, { recursive: true, force: true });
          leave(dead());
          const crashes = [await crashAt(first), await crashAt(second)];

          const held = await take({}, port);
          expect(readdirSync(state), `crashed at operations ${first} and ${second}`).to.deep.equal(["lock"]);
          held.release();
          return crashes;
        });
        expect(survived).to.be.greaterThan(100);

        /** Whether a run had an operation of that number to die at. From there on, it does nothing at all. */
        async function crashAt(number: number): Promise<boolean> {
          let count = 0;
          const crash = new Error("crashed");
          const mortal = before(port, () => {
            if (++count >= number) throw crash;
          });
          try {
            const held = await take({}, mortal, dead());
            held.release();
          } catch (error) {
            if (error !== crash) throw error;
          }
          twoMinutesPass();
          return count >= number;
        }

        function twoMinutesPass(): void {
          for (const name of readdirSync(state)) {
            const then = (statSync(join(state, name)).mtimeMs - 2 * MINUTE) / 1000;
            utimesSync(join(state, name), then, then);
          }
        }
      });

      it("has one winner where a second and a third run take it at any moment in between", async () => {
        const contended = await sweep(async (first, second) => {
          rmSync(state, { recursive: true, force: true });
          leave(dead());
          const runs: Promise<Lock>[] = [];
          const third = () => void runs.push(take({}, port));
          const another = () => void runs.push(take({}, before(port, onceAt(second, third))));
          runs.push(take({}, before(port, onceAt(first, another))));
          const results = await Promise.allSettled(runs);

          const winners = results.filter((result) => result.status === "fulfilled");
          expect(winners, `at operations ${first} and ${second}`).to.have.length(1);
          for (const { value } of winners) value.release();
          expect(readdirSync(state)).to.deep.equal([]);
          return [runs.length > 1, runs.length > 2];
        });
        expect(contended).to.be.greaterThan(100);
      });

      it("never lets two of eight processes in at once, and each in its time", async () => {
        leave(dead());
        const links = port === disk ? "links" : "no-links";
        const children = Array.from({ length: 8 }, () =>
          spawn(process.execPath, [CONTENDER, root, "25", JSON.stringify(dead()), links], {
            stdio: ["ignore", "ignore", "pipe"],
          }),
        );
        const ends = await Promise.all(
          children.map(async (child) => {
            let said = "";
            child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
            const [code] = (await once(child, "close")) as [number | null];
            return { code, said };
          }),
        );
        expect(ends).to.deep.equal(children.map(() => ({ code: 0, said: "" })));

        (await take({}, port)).release();
        expect(readdirSync(state)).to.deep.equal([]);
      });
    });
  }

  describe("heartbeat", () => {
    beforeEach(() => {
      mock.timers.enable({ apis: ["setInterval"] });
    });
    afterEach(() => {
      mock.timers.reset();
    });

    const later = Date.UTC(2030, 0, 1);

    it("touches the lock every minute, by the caller's clock", async () => {
      const held = await take({ now: () => later });
      mock.timers.tick(MINUTE - 1);
      expect(statSync(lockFile).mtimeMs).to.be.lessThan(later);
      mock.timers.tick(1);
      expect(statSync(lockFile).mtimeMs).to.equal(later);
      held.release();
    });

    it("keeps no lock alive that went to another", async () => {
      const held = await take({ now: () => later });
      leave(thisProcess());
      mock.timers.tick(MINUTE);
      expect(statSync(lockFile).mtimeMs).to.be.lessThan(later);
      held.release();
    });

    it("ends no run when it fails", async () => {
      let failures = 0;
      const utimes = () => {
        failures++;
        return fail("EIO")();
      };
      const held = await take({}, { ...disk, utimes });
      expect(() => mock.timers.tick(MINUTE)).not.to.throw();
      expect(failures).to.equal(1);
      held.release();
    });
  });

  it("knows its own link where NFS made it and lost the answer", async () => {
    const nfs: Filesystem = {
      ...disk,
      link: (from, to) => {
        disk.link(from, to);
        disk.link(from, to);
      },
    };
    const me = thisProcess();
    const held = await take({}, nfs, me);
    expect(holder()).to.equal(me.id);
    held.release();
  });

  const refusals: [string, "output-unusable" | "no-space"][] = [
    ["EACCES", "output-unusable"],
    ["EROFS", "output-unusable"],
    ["ENOSPC", "no-space"],
    ["EDQUOT", "no-space"],
  ];
  for (const [code, expected] of refusals) {
    for (const operation of ["mkdir", "create", "write"] as const) {
      it(`is ${expected} where ${operation} fails with ${code}, and nothing is left`, async () => {
        expect((await failure(take({}, { ...disk, [operation]: fail(code) }))).code).to.equal(expected);
        expect(operation === "mkdir" ? readdirSync(root) : readdirSync(state)).to.deep.equal([]);
      });
    }
  }

  it("is output-unusable where the directory is a file, or missing", async () => {
    writeFileSync(join(root, "file"), "");
    for (const name of ["file", "missing"]) {
      const options = { waitMs: 0, signal: new AbortController().signal, now: Date.now };
      const attempt = lock(disk, bytesOf(join(root, name)), thisProcess(), options);
      expect((await failure(attempt)).code).to.equal("output-unusable");
    }
  });
});

function fail(code: string): () => never {
  return () => {
    throw Object.assign(new Error(`${code}: refused`), { code });
  };
}

/** The same disk, with something that happens before each of its operations. */
function before(port: Filesystem, happen: () => void): Filesystem {
  return new Proxy(port, {
    get: (target, name: keyof Filesystem) => {
      const operation = target[name] as (...args: readonly unknown[]) => unknown;
      return (...args: readonly unknown[]) => {
        happen();
        return operation(...args);
      };
    },
  });
}

function onceAt(number: number, happen: () => void): () => void {
  let count = 0;
  return () => {
    if (++count === number) happen();
  };
}

/**
 * Tries faults at each pair of operations, for as long as both of them fire; says how many pairs that were.
 */
async function sweep(trial: (first: number, second: number) => Promise<readonly boolean[]>): Promise<number> {
  let pairs = 0;
  for (let first = 1; ; first++) {
    for (let second = 1; ; second++) {
      const [firstFired, secondFired] = await trial(first, second);
      if (!firstFired) return pairs;
      if (!secondFired) break;
      pairs++;
    }
  }
}
