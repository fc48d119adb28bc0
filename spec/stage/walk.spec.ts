import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { rmSync, unlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import type { Filesystem } from "../../lib/filesystem.js";
import type { Strategy } from "../../lib/stage/capture.js";
import { errno, interrupted, type Moment } from "../helpers/port.js";
import { createFrom, extracted } from "../helpers/run.js";
import { age, contents, link, tmpTree, type Tree } from "../helpers/tree.js";
import { at, cloning, frostOf, METHODS, named, ordered, walking } from "./frozen.js";

const TREE: Tree = {
  "a.jsonl": "first\n",
  "gone.jsonl": "going\n",
  "gone.link": link("a.jsonl"),
  gone: { "below.jsonl": "below\n", deeper: { "x.jsonl": "x\n" } },
  "z.jsonl": "last\n",
};

/** A disk on which somebody deletes a path in the middle of a run. */
type Deletion = (root: string, base: Filesystem) => Moment & { readonly fs: Filesystem };

const file: Deletion = (root, base) =>
  interrupted("before", "link", named("gone.jsonl"), () => unlinkSync(join(root, "gone.jsonl")), base);
const opened: Deletion = (root, base) =>
  interrupted("before", "openRead", named("gone.jsonl"), () => unlinkSync(join(root, "gone.jsonl")), base);
const symlink =
  (operation: "readlink" | "lstat"): Deletion =>
  (root, base) =>
    interrupted("before", operation, named("gone.link"), () => unlinkSync(join(root, "gone.link")), base);
const directory: Deletion = (root, base) => {
  const gone = join(root, "gone");
  return interrupted("before", "openDirectory", walking(named("gone")), () => rmSync(gone, { recursive: true }), base);
};
const listed =
  (when: "before" | "after"): Deletion =>
  (root, base) => {
    const gone = join(root, "gone");
    return interrupted(when, "list", walking(at(gone)), () => rmSync(gone, { recursive: true }), base);
  };

interface Loss {
  readonly when: string;
  readonly strategy: Strategy;
  readonly deletion: Deletion;
  /** What vanished, by the way it is skipped. */
  readonly vanished: readonly string[];
  /** What is not in the archive: it, and what lay below it unseen. */
  readonly missing: readonly string[];
  readonly base?: Filesystem;
}

const FILE = { vanished: ["gone.jsonl"], missing: ["gone.jsonl"] };
const LINK = { vanished: ["gone.link"], missing: ["gone.link"] };
const BELOW = ["gone/below.jsonl", "gone/deeper/", "gone/deeper/x.jsonl"];
const WHOLE = { vanished: ["gone"], missing: ["gone/", ...BELOW] };
/** A directory can only be deleted when it is empty, and is then captured as that. */
const EMPTIED = { vanished: [], missing: BELOW };
const PARTS = { vanished: ["gone/below.jsonl", "gone/deeper"], missing: BELOW };

/** A filesystem whose listings do not tell files from directories. */
const kindless: Filesystem = {
  ...ordered,
  list: (path) => ordered.list(path).map(({ name }) => ({ name, kind: "unknown" })),
};

const LOSSES: readonly Loss[] = [
  { when: "before it is linked", strategy: "link", deletion: file, ...FILE },
  { when: "before it is opened", strategy: "copy", deletion: opened, ...FILE },
  { when: "before it is opened", strategy: "clone", deletion: opened, ...FILE, base: cloning(ordered) },
  { when: "before its kind is looked up", strategy: "link", deletion: lookedUp, ...FILE, base: kindless },
  ...METHODS.flatMap((strategy): Loss[] => [
    { when: "before a symbolic link is read", strategy, deletion: symlink("readlink"), ...LINK },
    { when: "after a symbolic link is read", strategy, deletion: symlink("lstat"), ...LINK },
    { when: "before a directory is opened", strategy, deletion: directory, ...WHOLE },
    { when: "before an open directory is listed", strategy, deletion: listed("before"), ...EMPTIED },
    { when: "after a directory is listed", strategy, deletion: listed("after"), ...PARTS },
  ]),
];

function lookedUp(root: string, base: Filesystem): ReturnType<Deletion> {
  return interrupted("before", "lstat", named("gone.jsonl"), () => unlinkSync(join(root, "gone.jsonl")), base);
}

describe("walk", () => {
  describe("beside a cleanup", () => {
    for (const { when, strategy, deletion, vanished, missing, base = ordered } of LOSSES) {
      it(`skips what is deleted ${when}, and nothing else (${strategy})`, async () => {
        const source = tmpTree(TREE);
        const before = contents(source);
        const { fs, came } = deletion(source, base);
        const report = await createFrom(source, { strategy }, { fs });
        expect(came()).to.equal(true);
        expect(report).to.include({ outcome: "published", complete: true, settled: true });
        expect(report.skipped).to.deep.equal(vanished.map((path) => ({ path, source: 0, reason: "vanished" })));
        const rest = Object.entries(before).filter(([path]) => !missing.includes(path));
        expect(extracted(report, source)).to.deep.equal(Object.fromEntries(rest));
      });
    }

    it("has a file that is deleted right after it was linked", async () => {
      const source = tmpTree(TREE);
      const before = contents(source);
      const gone = join(source, "gone.jsonl");
      const { fs, came } = interrupted("after", "link", named("gone.jsonl"), () => unlinkSync(gone), ordered);
      const { found, skipped } = await frostOf(fs, source, "link");
      expect(came()).to.equal(true);
      expect({ found, skipped }).to.deep.equal({ found: before, skipped: {} });
    });

    for (const strategy of ["clone", "copy"] as const) {
      it(`has a file that is deleted right after it was opened (${strategy})`, async () => {
        const source = tmpTree(TREE);
        const before = contents(source);
        const gone = join(source, "gone.jsonl");
        const base = cloning(ordered);
        const { fs, came } = interrupted("after", "openRead", named("gone.jsonl"), () => unlinkSync(gone), base);
        const { found, skipped } = await frostOf(fs, source, strategy);
        expect(came()).to.equal(true);
        expect({ found, skipped }).to.deep.equal({ found: before, skipped: {} });
      });
    }

    it("has a large file that is deleted while it is copied", async () => {
      const source = tmpTree({ "large.bin": Buffer.alloc(3 << 20, "x") });
      age(source, 60);
      const before = contents(source);
      const gone = join(source, "large.bin");
      const { fs, came } = interrupted(
        "after",
        "readAsync",
        () => true,
        () => unlinkSync(gone),
      );
      const { found, skipped } = await frostOf(fs, source, "copy");
      expect(came()).to.equal(true);
      expect({ found, skipped }).to.deep.equal({ found: before, skipped: {} });
    });

    it("keeps what it has when a name is gone as the tree is listed again", async () => {
      const source = tmpTree({ "a.jsonl": "first\n" });
      const gone = join(source, "a.jsonl");
      const { fs, came } = interrupted("before", "lstat", named("a.jsonl"), () => unlinkSync(gone), ordered);
      const { found, skipped } = await frostOf(fs, source, "link");
      expect(came()).to.equal(true);
      expect({ found, skipped }).to.deep.equal({ found: { "a.jsonl": "first\n" }, skipped: {} });
    });

    it("skips a file that becomes another kind of thing at every look", async () => {
      const source = tmpTree({ "a.jsonl": "first\n", "odd.jsonl": "odd\n" });
      const odd = named("odd.jsonl");
      const fs: Filesystem = {
        ...ordered,
        openRead: (path) => {
          if (odd(path)) throw errno("ELOOP");
          return ordered.openRead(path);
        },
      };
      const { found, skipped } = await frostOf(fs, source, "copy");
      expect(found).to.deep.equal({ "a.jsonl": "first\n" });
      expect(skipped).to.deep.equal({ "odd.jsonl": "vanished" });
    });
  });

  for (const strategy of METHODS) {
    it(`records sockets and FIFOs as special and does not wait for them (${strategy})`, async () => {
      const source = tmpTree({ "a.jsonl": "first\n", run: {} });
      execFileSync("mkfifo", [join(source, "run/pipe")]);
      const server = createServer().listen(join(source, "run/gateway.sock"));
      await once(server, "listening");
      try {
        const report = await createFrom(source, { strategy });
        expect(report).to.include({ outcome: "published", complete: true });
        expect(report.skipped).to.deep.equal([
          { path: "run/gateway.sock", source: 0, reason: "special" },
          { path: "run/pipe", source: 0, reason: "special" },
        ]);
        expect(extracted(report, source)).to.deep.equal({ "a.jsonl": "first\n", "run/": "/" });
      } finally {
        server.close();
        await once(server, "close");
      }
    });
  }
});
