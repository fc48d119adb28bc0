import { execFileSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  symlinkSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { bytesOf, parentOf, type Bytes } from "../../lib/bytes.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import type { Event } from "../../lib/report/events.js";
import type { Strategy } from "../../lib/stage/capture.js";
import { MARKER, STAGE_PREFIX } from "../../lib/stage/leftovers.js";
import { errno, refuse } from "../helpers/port.js";
import { createFrom } from "../helpers/run.js";
import { age, contents, link, tmpDirectory, tmpTree } from "../helpers/tree.js";
import { cloning } from "./frozen.js";

/** Everything that can be known of a tree but the times of reading and, where `ctime` is false, of changing. */
function stateOf(root: string, ctime: boolean): Record<string, unknown> {
  const names = [".", ...Object.keys(contents(root))];
  return Object.fromEntries(
    names.map((name) => {
      const path = join(root, name);
      const stat = lstatSync(path, { bigint: true });
      const { mode, uid, gid, size, nlink, ino, mtimeNs, ctimeNs } = stat;
      const bytes = stat.isFile() ? readFileSync(path, "hex") : stat.isSymbolicLink() ? readlinkSync(path) : undefined;
      return [name, { mode, uid, gid, size, nlink, ino, mtimeNs, bytes, ...(ctime && { ctimeNs }) }];
    }),
  );
}

function liveTree(): string {
  const root = tmpTree({
    "a.jsonl": "a\n",
    "half.jsonl": "one\ntw",
    "large.bin": Buffer.alloc(1_500_000, "x"),
    "link.jsonl": link("a.jsonl"),
    dir: { "b.jsonl": "b\n", empty: {} },
  });
  age(root, 3600);
  linkSync(join(root, "a.jsonl"), join(root, "dir/second"));
  symlinkSync("nowhere", join(root, "dangling"));
  execFileSync("mkfifo", [join(root, "pipe")]);
  for (const name of [".", "a.jsonl", "dir"]) {
    execFileSync("touch", ["-d", "2026-01-02T03:04:05.123456789Z", join(root, name)]);
  }
  execFileSync("chmod", ["4750", join(root, "a.jsonl")]);
  return root;
}

/** How each placement of the stage comes about. */
const PLACEMENTS = {
  beside: () => disk,
  inside: (root: string): Filesystem => ({
    ...disk,
    mkdir: (path, mode) => {
      if (parentOf(path) === bytesOf(dirname(root)) && path.includes(STAGE_PREFIX)) throw errno("EACCES");
      disk.mkdir(path, mode);
    },
  }),
};

function isOpenRoot(path: Bytes): boolean {
  return path.startsWith("/proc/") && realpathSync(path).endsWith("/source");
}

function isPartial(fd: number): boolean {
  return readlinkSync(`/proc/self/fd/${fd}`).endsWith(".tar.partial");
}

const PHASES = ["freeze", "archive", "verify"] as const;

interface Failure {
  readonly when: string;
  readonly broken: (fs: Filesystem) => Partial<Filesystem>;
  /** Which phases are begun. */
  readonly phases: readonly string[];
}

const FAILURES: readonly Failure[] = [
  {
    when: "the stage is made",
    broken: (fs) => ({
      create: (path, mode) => (path.endsWith(`/${MARKER}`) ? refuse("EIO")() : fs.create(path, mode)),
    }),
    phases: [],
  },
  {
    when: "a directory is listed",
    broken: (fs) => ({ list: (path) => (isOpenRoot(path) ? refuse("ENOMEM")() : fs.list(path)) }),
    phases: PHASES.slice(0, 1),
  },
  {
    when: "what the filesystem can do is tried, for want of space",
    broken: () => ({ reflink: refuse("ENOSPC") }),
    phases: [],
  },
  {
    when: "a file is captured, for want of space",
    broken: (fs) => ({ link: (from, to) => (from.endsWith("/half.jsonl") ? refuse("ENOSPC")() : fs.link(from, to)) }),
    phases: PHASES.slice(0, 1),
  },
  { when: "the archive is written", broken: () => ({ writeAsync: refuse("EIO") }), phases: PHASES.slice(0, 2) },
  {
    when: "the archive is synced",
    broken: () => ({ sync: () => Promise.reject(errno("EIO")) }),
    phases: PHASES.slice(0, 2),
  },
  {
    when: "the archive is read back",
    broken: (fs) => ({
      readAsync: (fd, ...rest) => (isPartial(fd) ? Promise.reject(errno("EIO")) : fs.readAsync(fd, ...rest)),
    }),
    phases: PHASES,
  },
  {
    when: "the archive is published",
    broken: (fs) => ({ link: (from, to) => (to.endsWith(".tar") ? refuse("EIO")() : fs.link(from, to)) }),
    phases: PHASES,
  },
];

describe("the live tree", () => {
  for (const [placement, diskFor] of Object.entries(PLACEMENTS)) {
    const strategies: readonly Strategy[] = ["clone", "link", "copy"];
    for (const strategy of strategies) {
      it(`is the same before and after, with the stage ${placement} (${strategy})`, async () => {
        const root = liveTree();
        // The stage is a directory in the root and bumps its ctime; a hard link does so to its file.
        const before = stateOf(root, strategy === "copy" && placement === "beside");
        const base = diskFor(root);
        const report = await createFrom(root, { strategy }, { fs: strategy === "clone" ? cloning(base) : base });
        expect(report.sources[0]).to.include({ stage: placement, method: strategy });
        expect(stateOf(root, strategy === "copy" && placement === "beside")).to.deep.equal(before);
        expect(readdirSync(dirname(root))).to.deep.equal(["source"]);
      });
    }

    for (const { when, broken, phases } of FAILURES) {
      it(`is as before, without a stage or an archive, when the run fails as ${when}, the stage being ${placement}`, async () => {
        const root = liveTree();
        const before = stateOf(root, false);
        const output = join(tmpDirectory(), "archives");
        const base = diskFor(root);
        const events: Event[] = [];
        const outcome = await createFrom(
          root,
          { output, strategy: "link" },
          { fs: { ...base, ...broken(base) }, onEvent: (event) => void events.push(event) },
        ).catch((error: unknown) => error);
        expect(outcome).to.be.an.instanceOf(Error);
        expect(events.flatMap((event) => (event.type === "phase" ? [event.phase] : []))).to.deep.equal(phases);
        expect(stateOf(root, false)).to.deep.equal(before);
        expect(readdirSync(dirname(root))).to.deep.equal(["source"]);
        expect(left(output)).to.deep.equal([]);
      });
    }

    for (const phase of PHASES) {
      it(`is as before, without a stage or an archive, when the run is ended at ${phase}, the stage being ${placement}`, async () => {
        const root = liveTree();
        const before = stateOf(root, false);
        const output = join(tmpDirectory(), "archives");
        const abort = new AbortController();
        const reason = new Error("ended by the spec");
        const outcome = await createFrom(
          root,
          { output },
          {
            fs: diskFor(root),
            signal: abort.signal,
            onEvent: (event) => {
              if (event.type === "phase" && event.phase === phase) abort.abort(reason);
            },
          },
        ).catch((error: unknown) => error);
        expect(outcome).to.equal(reason);
        expect(stateOf(root, false)).to.deep.equal(before);
        expect(readdirSync(dirname(root))).to.deep.equal(["source"]);
        expect(left(output)).to.deep.equal([]);
      });
    }
  }
});

/** What a run left in the archive directory but its own place for notes. */
function left(output: string): string[] {
  return existsSync(output) ? readdirSync(output).filter((name) => name !== ".holdstill") : [];
}
