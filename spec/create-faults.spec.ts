import { existsSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../lib/bytes.js";
import { disk, type Filesystem } from "../lib/filesystem.js";
import type { CreateReport } from "../lib/report/create-report.js";
import { failureOf, type Failure } from "../lib/report/failure.js";
import type { Strategy } from "../lib/stage/capture.js";
import { createFrom, surroundings } from "./helpers/run.js";
import { age, contents, link, tmpDirectory, tmpTree, writeTree, type Tree } from "./helpers/tree.js";

const MIB = 1 << 20;

/** Small and large, at rest and fresh: each comes into the archive in its own way. */
const REST: Tree = { "old.jsonl": "one\n", "large.bin": new Uint8Array(MIB + 1), empty: {}, link: link("old.jsonl") };
const FRESH: Tree = { "agents/main/sessions/s.jsonl": "two\nthree\n", "fresh.bin": new Uint8Array(MIB + 1) };

/** Everything by which holdstill changes a disk, with where the path is among the arguments. */
const OPERATIONS = {
  create: (path) => path,
  write: (fd) => pathOf(fd),
  writeAsync: (fd) => pathOf(fd),
  sync: (fd) => pathOf(fd),
  link: (_, to) => to,
  mkdir: (path) => path,
} as const satisfies { [K in keyof Filesystem]?: (...args: Parameters<Filesystem[K]>) => string };
type Operation = keyof typeof OPERATIONS;

function pathOf(fd: number): string {
  return disk.readlink(bytesOf(`/proc/self/fd/${fd}`));
}

interface Call {
  readonly operation: Operation;
  readonly path: string;
}

/** The real disk, on which the nth call of an operation fails. As with Node, only an error of a path names it. */
function failing(operation: Operation, nth: number, code: string): { fs: Filesystem; calls: Call[] } {
  const calls: Call[] = [];
  const watched = (name: Operation): unknown => {
    const real = disk[name] as (...args: unknown[]) => unknown;
    const where = OPERATIONS[name] as (...args: unknown[]) => string;
    return (...args: unknown[]) => {
      const path = where(...args);
      calls.push({ operation: name, path });
      if (name !== operation || calls.filter((call) => call.operation === name).length !== nth) return real(...args);
      const named = typeof args[0] === "number" ? {} : { path };
      throw Object.assign(new Error(`${code}: refused by the spec`), { code, syscall: name, ...named });
    };
  };
  const names = Object.keys(OPERATIONS) as Operation[];
  return { fs: { ...disk, ...Object.fromEntries(names.map((name) => [name, watched(name)])) }, calls };
}

/** What must not change of a live tree; hard links come and go, and with them the ctime. */
function live(root: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const path of ["", ...readdirSync(root, { recursive: true, encoding: "utf8" })]) {
    const { mode, nlink, size, mtimeNs, uid, gid } = lstatSync(join(root, path), { bigint: true });
    found[path] = [mode, nlink, size, mtimeNs, uid, gid].join(" ");
  }
  return found;
}

interface Outcome {
  readonly source: string;
  /** The report, or what a person is told. */
  readonly result: CreateReport | Failure;
  readonly warnings: number;
  readonly calls: readonly Call[];
}

/** One run with a fault; whatever comes of it, the live tree is as it was, and nothing is left but what is published. */
async function runWith(strategy: Strategy, operation: Operation, nth: number, code: string): Promise<Outcome> {
  const source = tmpTree(REST);
  age(source, 600);
  writeTree(source, FRESH);
  const output = join(source, "../archives");
  const before = live(source);
  const { fs, calls } = failing(operation, nth, code);
  const around = surroundings({ fs });
  const result = await createFrom(source, { strategy, output }, around).catch((error: unknown) => failureOf(error));

  expect(live(source)).to.deep.equal(before);
  const name = "archive" in result ? result.archive.slice(output.length + 1) : undefined;
  const left = Object.keys(contents(join(source, ".."))).filter((path) => !/^source\/|\/$/.test(path));
  const catalogued = new RegExp(`^archives/\\.holdstill/index/${String(name)}\\.(jsonl\\.gz|sha256|json)$`);
  expect(left.filter((path) => !catalogued.test(path))).to.deep.equal(name === undefined ? [] : [`archives/${name}`]);
  return { source, result, warnings: around.events.filter(({ type }) => type === "warning").length, calls };
}

/** Without the copy of the index the archive, which has its name by then, is as good. */
const isCatalog = (failed: Call, calls: readonly Call[]): boolean =>
  /\/\.holdstill(\/index.*)?$/.test(failed.path) &&
  calls.slice(0, calls.indexOf(failed)).some(({ operation, path }) => operation === "link" && path.endsWith(".tar"));
/** A link into the stage that fails is as likely the live file's fault: that file is unreadable. */
const isCapture = ({ operation, path }: Call): boolean =>
  operation === "link" && /^\/proc\/self\/fd\/\d+\/\d+\/\d+$/.test(path);

const FAILURES: Readonly<Record<string, readonly string[]>> = { ENOSPC: ["no-space"], EIO: ["output-unusable", "io"] };

describe("create on a disk that fails", () => {
  for (const [strategy, operations] of [
    ["auto", ["create", "write", "writeAsync", "sync", "link", "mkdir"]],
    ["copy", ["create", "write"]],
  ] as const) {
    for (const operation of operations) {
      for (const [code, meanings] of Object.entries(FAILURES)) {
        it(`publishes nothing, leaves nothing and says where: ${code} of each ${operation}, strategy ${strategy}`, async () => {
          for (let nth = 1; ; nth++) {
            const { result, warnings, calls } = await runWith(strategy, operation, nth, code);
            const failed = calls.filter((call) => call.operation === operation).at(nth - 1);
            if (failed === undefined) {
              expect(result, JSON.stringify(result)).to.include({ outcome: "published", complete: true });
              expect(nth).to.be.greaterThan(1);
              return;
            }
            const at = `${operation} ${nth}: ${failed.path}`;
            if (isCatalog(failed, calls)) {
              expect(result, at).to.include({ outcome: "published", complete: true });
              expect(warnings, at).to.equal(1);
            } else if (isCapture(failed) && code === "EIO") {
              expect(result, at).to.include({ outcome: "published", complete: false });
            } else {
              expect(meanings, at).to.include("code" in result ? result.code : "no failure");
              expect("code" in result && result.path, at).to.be.a("string");
            }
          }
        });
      }
    }
  }
});

describe("create with copies under way", () => {
  /** The real disk, with what is open, and what happens at the first write of a copy. */
  function watched(act: () => void): { fs: Filesystem; open: Set<number>; read: () => number } {
    const open = new Set<number>();
    let [read, acted] = [0, false];
    const opening =
      <A extends unknown[]>(real: (...args: A) => number) =>
      (...args: A): number => {
        const fd = real(...args);
        open.add(fd);
        return fd;
      };
    const fs: Filesystem = {
      ...disk,
      openRead: opening(disk.openRead),
      openDirectory: opening(disk.openDirectory),
      create: opening(disk.create),
      close(fd) {
        open.delete(fd);
        disk.close(fd);
      },
      async readAsync(...args) {
        const bytes = await disk.readAsync(...args);
        read += bytes;
        return bytes;
      },
      write(fd, data) {
        if (!acted && data.length === MIB) {
          acted = true;
          act();
        }
        return disk.write(fd, data);
      },
    };
    return { fs, open, read: () => (acted ? read : NaN) };
  }

  /** More than are copied at a time, and then more than may wait. */
  for (const count of [10, 24]) {
    const large = (): string =>
      tmpTree(Object.fromEntries(Array.from({ length: count }, (_, i) => [`${i}.bin`, new Uint8Array(4 * MIB)])));

    it(`ends ${count} of them and waits for them when one fails, and leaves no file open`, async () => {
      const { fs, open, read } = watched(() => {
        throw Object.assign(new Error("full"), { code: "ENOSPC", syscall: "write" });
      });
      const error: unknown = await createFrom(large(), { strategy: "copy" }, { fs }).catch((reason: unknown) => reason);
      expect(failureOf(error).code).to.equal("no-space");
      expect([...open]).to.deep.equal([]);
      expect(read()).to.be.lessThan(count * MIB);
    });

    it(`ends ${count} of them and waits for them on a signal, and leaves no file open`, async () => {
      const controller = new AbortController();
      const reason = new Error("interrupted");
      const { fs, open, read } = watched(() => controller.abort(reason));
      const work = createFrom(large(), { strategy: "copy" }, { fs, signal: controller.signal });
      expect(await work.catch((error: unknown) => error)).to.equal(reason);
      expect([...open]).to.deep.equal([]);
      expect(read()).to.be.lessThan(count * MIB);
    });
  }

  it("stops in the middle of a large file on a signal", async () => {
    const source = tmpTree({ large: new Uint8Array(32 * MIB) });
    age(source, 600);
    const controller = new AbortController();
    const reason = new Error("interrupted");
    let reads = 0;
    const readAsync: Filesystem["readAsync"] = (...args) => {
      if (++reads === 3) controller.abort(reason);
      return disk.readAsync(...args);
    };
    const work = createFrom(source, { strategy: "link" }, { fs: { ...disk, readAsync }, signal: controller.signal });
    expect(await work.catch((error: unknown) => error)).to.equal(reason);
    expect(reads).to.equal(3);
  });
});

describe("an archive directory that others clean up", () => {
  for (const [gone, phase] of [
    ["partial archive", "verify"],
    ["index", undefined],
    ["archive directory", "verify"],
  ] as const) {
    it(`fails the run, and nothing is published, where the ${gone} is removed`, async () => {
      const source = tmpTree(REST);
      const output = join(tmpDirectory(), "archives");
      let came = false;
      const onEvent = (event: { readonly type: string; readonly phase?: string }): void => {
        if (event.type !== "phase" || event.phase !== phase) return;
        came = true;
        const names = readdirSync(output).filter((name) => name.endsWith(".partial"));
        if (gone === "archive directory") rmSync(output, { recursive: true });
        else for (const name of names) rmSync(join(output, name));
      };
      const create: Filesystem["create"] = (path, mode) => {
        const fd = disk.create(path, mode);
        if (gone === "index" && path.endsWith(".index.partial")) {
          came = true;
          disk.unlink(path);
        }
        return fd;
      };
      const work = createFrom(source, { output }, { fs: { ...disk, create }, onEvent });
      const error = failureOf(await work.catch((reason: unknown) => reason));
      expect(came).to.equal(true);
      expect(error).to.include({ code: "output-unusable" });
      expect(error.path)
        .to.be.a("string")
        .that.satisfies((path: string) => path.startsWith(output));
      expect(error.hint).to.be.a("string");
      expect(existsSync(output) ? readdirSync(output).filter((name) => name !== ".holdstill") : []).to.deep.equal([]);
    });
  }
});
