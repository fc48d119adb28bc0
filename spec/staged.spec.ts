import { spawn } from "node:child_process";
import { hash } from "node:crypto";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect } from "chai";
import { HoldstillError } from "../lib/errors.js";
import { disk } from "../lib/filesystem.js";
import { loadSqlite } from "../lib/stage/sqlite.js";
import { withStaged, type Staged, type StagedOptions } from "../lib/staged.js";
import type { Surroundings } from "../lib/surroundings.js";
import { DISKS } from "./helpers/freeze.js";
import { fsWith, interrupted, refuse } from "./helpers/port.js";
import { createFrom, DEFAULTS, extractedPath, surroundings } from "./helpers/run.js";
import { age, contents, link, tmpDirectory, tmpTree, type Tree } from "./helpers/tree.js";
import { marksOf } from "./helpers/untouched.js";

const AT_REST = 3_600;
const MIB = 1 << 20;

/** Stages sources and looks at what is there. */
function staged<T>(
  sources: string | readonly string[],
  look: (staged: Staged) => T | Promise<T>,
  options: Partial<StagedOptions> = {},
  replaced: Partial<Surroundings> = {},
): Promise<T> {
  return withStaged({ ...DEFAULTS, sources: [sources].flat(), ...options }, surroundings(replaced), async (tree) =>
    look(tree),
  );
}

/** The changes of a live program right after the freeze, before anything is settled. */
function afterTheFreeze(act: () => void): Pick<Surroundings, "onEvent"> {
  return { onEvent: (event) => void (event.type === "phase" && event.phase === "settle" && act()) };
}

interface Line {
  readonly type: string;
  readonly path: string;
  readonly size: number;
  readonly mtimeNs: string;
  readonly sha256: string;
  readonly capture: { readonly verdict: string; readonly cut: number };
}

function linesOf({ index }: Staged): Line[] {
  const lines = readFileSync(index, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Line);
}

function verdictsOf(tree: Staged): Record<string, string> {
  const files = linesOf(tree).filter(({ type }) => type === "file");
  return Object.fromEntries(files.map(({ path, capture }) => [path, capture.verdict]));
}

function inode(path: string): number {
  return lstatSync(path).ino;
}

/** One of everything, and names that are hard to carry. */
function mixedTree(): string {
  const source = tmpTree({
    "a-b": "sorts between a and a/x",
    a: { x: "x", "with\nnewline": "n", "back\\slash": "b", ümlaut: "u" },
    agents: { main: { sessions: { "one.jsonl": '{"a":1}\n{"half', "old.jsonl": '{"a":1}\n{"half' } } },
    links: { dangling: link("nowhere"), inside: link("../a/x") },
    empty: {},
    "large.bin": Buffer.alloc(2 * MIB, "l"),
    "large.jsonl": `${"x".repeat(2 * MIB)}\nhalf`,
  });
  age(source, AT_REST);
  linkSync(join(source, "a/x"), join(source, "second name"));
  chmodSync(join(source, "a-b"), 0o4640);
  chmodSync(join(source, "empty"), 0o500);
  writeFileSync(join(source, "agents/main/sessions/one.jsonl"), '{"a":1}\n{"half');
  writeFileSync(join(source, "large.jsonl"), `${"x".repeat(2 * MIB)}\nhalf`);
  return source;
}

/** Mode, owner, and mtime to the microsecond, of a tree and all that is in it. */
function attributes(root: string): Record<string, string> {
  const paths = [".", ...Object.keys(contents(root))];
  return Object.fromEntries(
    paths.map((path) => {
      const { mode, uid, gid, mtimeNs } = lstatSync(join(root, path), { bigint: true });
      return [path, [mode, uid, gid, mtimeNs / 1000n].join(" ")];
    }),
  );
}

describe("a staged tree", () => {
  for (const strategy of ["link", "copy", "clone"] as const) {
    it(`is to the byte what an archive would hold, with modes, owners, times and names: ${strategy}`, async () => {
      const source = mixedTree();
      const fs = DISKS[strategy];
      const report = await createFrom(source, { strategy }, { fs });
      const archived = contents(extractedPath(report, source));
      const before = marksOf(source, { ctime: strategy !== "link" });
      await staged(
        source,
        (tree) => {
          expect(contents(tree.trees[0])).to.deep.equal(archived);
          const { "large.jsonl": cut, ...names } = archived;
          expect(cut).to.have.lengthOf(2 * MIB + 1);
          expect(names).to.have.property("agents/main/sessions/one.jsonl", '{"a":1}\n');
          expect(names).to.have.property("agents/main/sessions/old.jsonl", '{"a":1}\n{"half');
          expect(attributes(tree.trees[0])).to.deep.equal(attributes(source));
          expect(inode(join(tree.trees[0], "second name"))).to.equal(inode(join(tree.trees[0], "a/x")));
          expect(tree).to.include({ complete: true });
          expect(tree.changed()).to.deep.equal([]);
        },
        { strategy },
        { fs },
      );
      expect(marksOf(source, { ctime: strategy !== "link" })).to.deep.equal(before);
      expect(readdirSync(dirname(source))).to.deep.equal(["source"]);
    });
  }

  it("has names as they are, whatever bytes they consist of", async () => {
    const source = tmpTree({ dir: {} });
    const name = Buffer.from("latin-\xe9", "latin1");
    const within = (root: string): Buffer => Buffer.concat([Buffer.from(`${root}/dir/`), name]);
    writeFileSync(within(source), "not UTF-8");
    symlinkSync(name, Buffer.concat([within(source), Buffer.from(".link")]));
    await staged(source, ({ trees: [root] }) => {
      expect(readFileSync(within(root), "utf8")).to.equal("not UTF-8");
      expect(readlinkSync(Buffer.concat([within(root), Buffer.from(".link")]), "buffer").equals(name)).to.equal(true);
    });
  });

  it("has an index of the archive's format, whose sizes and digests are those of the files that are there", async () => {
    await staged(mixedTree(), (tree) => {
      const lines = linesOf(tree);
      expect(lines.at(0)).to.include({ type: "snapshot", schema: 1 });
      const manifest = readFileSync(join(tree.directory, "manifest.json"));
      expect(lines.at(0)).to.include({ manifestSha256: hash("sha256", manifest, "hex") });
      expect(lines.at(-1)).to.include({ type: "end", files: 9, hardlinks: 1, symlinks: 2 });
      const named = lines.filter(({ type, path }) => type === "file" && path !== undefined);
      expect(named).to.have.lengthOf(9);
      for (const { path, size, sha256, mtimeNs } of named) {
        const bytes = readFileSync(join(tree.trees[0], path));
        expect({ path, size, sha256 }).to.deep.equal({
          path,
          size: bytes.length,
          sha256: hash("sha256", bytes, "hex"),
        });
        const { mtimeNs: found } = lstatSync(join(tree.trees[0], path), { bigint: true });
        expect(found / 1000n).to.equal(BigInt(mtimeNs) / 1000n);
      }
    });
  });

  it("holds a file that has rested as a link to the live one, and one that was modified lately as a copy", async () => {
    const source = tmpTree({ "cold.txt": "c", "hot.txt": "h", "hot.bin": "" });
    writeFileSync(join(source, "hot.bin"), Buffer.alloc(2 * MIB, "h"));
    age(join(source, "cold.txt"), AT_REST);
    await staged(
      source,
      ({ trees: [root] }) => {
        const same = (name: string): boolean => inode(join(root, name)) === inode(join(source, name));
        expect(["cold.txt", "hot.txt", "hot.bin"].map(same)).to.deep.equal([true, false, false]);
        for (const name of ["hot.txt", "hot.bin"]) appendFileSync(join(source, name), "later");
        expect(readFileSync(join(root, "hot.txt"), "utf8")).to.equal("h");
        expect(statSync(join(root, "hot.bin")).size).to.equal(2 * MIB);
      },
      { strategy: "link" },
    );
  });

  it("names the links that changed meanwhile", async () => {
    const source = tmpTree({ "grown.log": "1\n", "rewritten.txt": "aa", "replaced.txt": "r", still: "s" });
    age(source, AT_REST);
    const changed = await staged(
      source,
      (tree) => {
        appendFileSync(join(source, "grown.log"), "2\n");
        writeFileSync(join(source, "rewritten.txt"), "bb");
        writeFileSync(join(source, "new"), "new");
        renameSync(join(source, "new"), join(source, "replaced.txt"));
        expect(readFileSync(join(tree.trees[0], "replaced.txt"), "utf8")).to.equal("r");
        return tree.changed().map(({ path }) => String(path));
      },
      { strategy: "link" },
    );
    expect(changed).to.deep.equal(["grown.log", "rewritten.txt"]);
  });

  it("names a link whose mode the command has changed: the live file has it too", async () => {
    const source = tmpTree({ "cold.txt": "c", still: "s" });
    age(source, AT_REST);
    const changed = await staged(
      source,
      (tree) => {
        chmodSync(join(tree.trees[0], "cold.txt"), 0o600);
        return tree.changed().map(({ path }) => String(path));
      },
      { strategy: "link" },
    );
    expect(changed).to.deep.equal(["cold.txt"]);
  });

  it("names a link that the command has taken away: what it did with it nobody knows", async () => {
    const source = tmpTree({ "cold.txt": "c" });
    age(source, AT_REST);
    const look = (tree: Staged): number => {
      rmSync(join(tree.trees[0], "cold.txt"));
      return tree.changed().length;
    };
    expect(await staged(source, look, { strategy: "link" })).to.equal(1);
  });

  it("holds what was there at the freeze, whatever becomes of the live tree before it is settled", async () => {
    const source = tmpTree({
      "gone.txt": "gone",
      "log.jsonl": "{}\n",
      "rested.jsonl": "{}\n",
      dir: { "in.txt": "in" },
    });
    age(join(source, "gone.txt"), AT_REST);
    age(join(source, "rested.jsonl"), AT_REST);
    const act = (): void => {
      rmSync(join(source, "gone.txt"));
      rmSync(join(source, "dir"), { recursive: true });
      appendFileSync(join(source, "log.jsonl"), '{"later":1}\n');
      appendFileSync(join(source, "rested.jsonl"), '{"later":1}\n');
    };
    await staged(
      source,
      (tree) => {
        expect(contents(tree.trees[0])).to.deep.equal({
          "dir/": "/",
          "dir/in.txt": "in",
          "gone.txt": "gone",
          "log.jsonl": "{}\n",
          "rested.jsonl": '{}\n{"later":1}\n',
        });
        expect(verdictsOf(tree)).to.include({ "log.jsonl": "prefix", "rested.jsonl": "recaptured" });
        expect(tree.changed()).to.deep.equal([]);
      },
      { strategy: "link" },
      afterTheFreeze(act),
    );
  });

  it("takes a private copy of a large file that changes while it is read", async () => {
    const source = tmpTree({ "large.bin": Buffer.alloc(3 * MIB, "a") });
    age(source, AT_REST);
    const path = join(source, "large.bin");
    const ino = inode(path);
    const { fs, came } = interrupted(
      "after",
      "readAsync",
      (fd) => disk.fstat(fd).ino === ino,
      () => writeFileSync(path, Buffer.alloc(3 * MIB, "b")),
    );
    await staged(
      source,
      (tree) => {
        expect(came()).to.equal(true);
        const staged = join(tree.trees[0], "large.bin");
        expect(inode(staged)).not.to.equal(ino);
        expect(readFileSync(staged).equals(Buffer.alloc(3 * MIB, "b"))).to.equal(true);
        expect(verdictsOf(tree)).to.deep.equal({ "large.bin": "recaptured" });
        expect(tree.changed()).to.deep.equal([]);
      },
      { strategy: "link" },
      { fs },
    );
  });

  it("has a database as SQLite copies it, as young as its copy, since its mtime says nothing of its log", async () => {
    const source = tmpTree({});
    const { DatabaseSync } = await loadSqlite();
    const live = new DatabaseSync(join(source, "state.db"));
    try {
      live.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1); PRAGMA wal_checkpoint");
      live.exec("INSERT INTO t VALUES (2)");
      utimesSync(join(source, "state.db"), 1_000_000, 1_000_000);
      const before = Date.now();
      await staged(source, (tree) => {
        expect(readdirSync(tree.trees[0])).to.deep.equal(["state.db"]);
        const path = join(tree.trees[0], "state.db");
        expect(statSync(path).mtimeMs).to.be.at.least(before - 1000);
        const copy = new DatabaseSync(path);
        expect(copy.prepare("SELECT sum(x) AS sum FROM t").get()).to.deep.include({ sum: 3 });
        copy.close();
        const [line] = linesOf(tree).filter(({ type }) => type === "file");
        expect(BigInt(line?.mtimeNs ?? 0) / 1000n).to.equal(lstatSync(path, { bigint: true }).mtimeNs / 1000n);
      });
    } finally {
      live.close();
    }
  });

  it("holds two files where one copy stood for both names of a file that was renamed", async () => {
    const source = tmpTree({ a: { "old.jsonl": '{}\n{"half' }, b: {} });
    age(source, 120);
    const isStaged = (path: string): boolean => /\/\d+$/.test(path);
    const rename = (): void => renameSync(join(source, "a/old.jsonl"), join(source, "b/new.txt"));
    const { fs, came } = interrupted("after", "create", isStaged, rename);
    await staged(
      source,
      ({ trees: [root] }) => {
        expect(came()).to.equal(true);
        const cut = "{}\n";
        expect(contents(root)).to.deep.equal({
          ...{ "a/": "/", "a/old.jsonl": cut },
          ...{ "b/": "/", "b/new.txt": `${cut}{"half` },
        });
      },
      { strategy: "copy" },
      { fs },
    );
  });

  it("copies the second name of a file where the disk refuses to link it", async () => {
    const source = tmpTree({ first: "f" });
    linkSync(join(source, "first"), join(source, "second"));
    const fs = fsWith({
      link: (from, to) =>
        from.includes("/first") && !from.includes("source") ? refuse("EMLINK")() : disk.link(from, to),
    });
    const root = await staged(source, ({ trees }) => contents(trees[0]), { strategy: "copy" }, { fs });
    expect(root).to.deep.equal({ first: "f", second: "f" });
  });

  it("leaves out what cannot be read, and is incomplete", async () => {
    const source = tmpTree({ "a.txt": "a", "b.txt": "b" });
    const fs = fsWith({ openRead: (path) => (path.endsWith("/b.txt") ? refuse("EACCES")() : disk.openRead(path)) });
    await staged(
      source,
      (tree) => {
        expect(contents(tree.trees[0])).to.deep.equal({ "a.txt": "a" });
        expect(tree).to.include({ complete: false });
        expect(tree.totals.skipped).to.deep.equal([
          { path: "b.txt", source: 0, reason: "unreadable", detail: "EACCES" },
        ]);
      },
      { strategy: "copy" },
      { fs },
    );
  });

  it("has several sources under their absolute paths, in one tree where they are on one mount", async () => {
    const sources = [tmpTree({ "a.txt": "a" }), tmpTree({ sub: { "b.txt": "b" } }, "other")];
    await staged(sources, ({ trees }) => {
      expect(trees).to.have.lengthOf(1);
      expect(contents(join(trees[0], sources[0] ?? ""))).to.deep.equal({ "a.txt": "a" });
      expect(contents(join(trees[0], sources[1] ?? ""))).to.deep.equal({ "sub/": "/", "sub/b.txt": "b" });
      expect(readdirSync(trees[0])).to.deep.equal(["tmp"]);
    });
  });

  it("has a tree of its own for a source on another mount", async () => {
    const parent = tmpTree({ a: { "a.txt": "a" }, b: { "b.txt": "b" } });
    const sources = [join(parent, "a"), join(parent, "b")] as const;
    const fs = fsWith({
      rename(from, to) {
        if (disk.lstat(from).kind === "directory" && !/stage-[0-9a-f]{16}(-\d+-\d*)?$/.test(to)) refuse("EXDEV")();
        disk.rename(from, to);
      },
    });
    await staged(
      sources,
      ({ trees }) => {
        expect(trees.map((tree) => dirname(dirname(tree)))).to.deep.equal([parent, parent]);
        expect(contents(join(trees[0], sources[0]))).to.deep.equal({ "a.txt": "a" });
        expect(contents(join(trees[1] ?? "", sources[1]))).to.deep.equal({ "b.txt": "b" });
      },
      {},
      { fs },
    );
  });
});

describe("the path of a staged tree", () => {
  it("is the same in every run over the same sources, and another for others", async () => {
    const parent = tmpTree({ a: { x: "x" }, b: { x: "x" } });
    const [a, b] = [join(parent, "a"), join(parent, "b")];
    const pathOf = (...sources: readonly string[]): Promise<string> => staged(sources, ({ trees }) => trees[0]);
    const first = await pathOf(a);
    expect(await pathOf(a)).to.equal(first);
    expect(new Set([first, await pathOf(b), await pathOf(a, b)])).to.have.lengthOf(3);
    expect(basename(dirname(first))).to.match(/^\.holdstill-stage-[0-9a-f]{16}$/);
  });

  it("is one run's at a time: the second over the same sources is refused, and leaves nothing", async () => {
    const source = tmpTree({ x: "x" });
    await staged(source, async (tree) => {
      const before = readdirSync(dirname(source));
      const error: unknown = await staged(source, () => undefined).catch((error: unknown) => error);
      expect(error).to.be.instanceOf(HoldstillError).that.includes({ code: "locked", path: tree.directory });
      expect(readdirSync(dirname(source))).to.deep.equal(before);
      expect(contents(tree.trees[0])).to.deep.equal({ x: "x" });
    });
  });

  it("is waited for as long as is asked for", async () => {
    const source = tmpTree({ x: "x" });
    const order: string[] = [];
    let second: Promise<void> | undefined;
    await staged(source, async () => {
      const looked = new Promise<void>((resolve) => {
        const fs = fsWith({
          rename(from, to) {
            try {
              disk.rename(from, to);
            } finally {
              resolve();
            }
          },
        });
        second = staged(source, () => void order.push("second"), { waitMs: 60_000 }, { fs });
      });
      await looked;
      order.push("first");
    });
    await second;
    expect(order).to.deep.equal(["first", "second"]);
  });

  it("is the next run's as soon as it is free: the last one removes nothing of that", async () => {
    const source = tmpTree({ x: "x" });
    const next = join(tmpDirectory(), "next");
    mkdirSync(next);
    writeFileSync(join(next, "owner.json"), "theirs");
    let path = "";
    const { fs, came } = interrupted(
      "after",
      "unlink",
      (unlinked) => path !== "" && unlinked.endsWith("/owner.json"),
      () => renameSync(next, path),
    );
    await staged(source, ({ directory }) => void (path = directory), {}, { fs });
    expect(came()).to.equal(true);
    expect(contents(path)).to.deep.equal({ "owner.json": "theirs" });
  });

  it("leaves alone what another run has put there when its own stage was taken away", async () => {
    const source = tmpTree({ x: "x" });
    const path = await staged(source, ({ directory }) => {
      rmSync(directory, { recursive: true });
      mkdirSync(directory);
      writeFileSync(join(directory, "owner.json"), "theirs");
      return directory;
    });
    expect(contents(path)).to.deep.equal({ "owner.json": "theirs" });
  });

  it("is not taken from a command that outlived its run", async () => {
    const source = tmpTree({ x: "x" });
    const left = join(tmpDirectory(), "left");
    const directory = await staged(source, (tree) => {
      cpSync(tree.directory, left, { recursive: true });
      return tree.directory;
    });
    renameSync(left, directory);
    chmodSync(directory, 0o700);
    const marker = join(directory, "owner.json");
    const owner = JSON.parse(readFileSync(marker, "utf8")) as object;
    writeFileSync(marker, JSON.stringify({ ...owner, pid: 2 ** 22 }));
    const running = spawn("sleep", ["60"], { cwd: join(directory, "tree"), stdio: "ignore" });
    const ended = once(running, "exit");
    await createFrom(source);
    const error: unknown = await staged(source, () => undefined).catch((error: unknown) => error);
    running.kill();
    await ended;
    expect(error).to.be.instanceOf(HoldstillError).that.includes({ code: "locked", path: directory });
    await staged(source, ({ trees }) => expect(contents(trees[0])).to.deep.equal({ x: "x" }));
    expect(readdirSync(dirname(source))).to.deep.equal(["source"]);
  });

  it("is not taken from a live run by a backup that removes leftovers", async () => {
    const source = tmpTree({ x: "x" });
    await staged(source, async (tree) => {
      await createFrom(source);
      expect(contents(tree.trees[0])).to.deep.equal({ x: "x" });
    });
  });

  const LEFT: Readonly<Record<string, Tree>> = {
    "with all that was in it": { "owner.json": "?", tree: { deep: { x: "x" } } },
    "without its marker": { tree: { x: "x" } },
    empty: {},
  };
  for (const [how, left] of Object.entries(LEFT)) {
    for (const next of ["stage", "create"] as const) {
      it(`is freed of what a dead run left there, ${how}, by the next ${next}`, async () => {
        const source = tmpTree({ x: "x" });
        const directory = await staged(source, (tree) => {
          renameSync(join(tree.directory, "owner.json"), join(dirname(source), "marker"));
          return tree.directory;
        });
        const owner = {
          ...(JSON.parse(readFileSync(join(dirname(source), "marker"), "utf8")) as object),
          pid: 2 ** 22,
        };
        mkdirSync(directory, { mode: 0o700 });
        for (const [name, value] of Object.entries(left)) {
          if (name === "owner.json") writeFileSync(join(directory, name), JSON.stringify(owner));
          else {
            mkdirSync(join(directory, "tree"));
            symlinkSync(source, join(directory, "tree/link"));
            chmodSync(join(directory, "tree"), 0o500);
          }
          expect(value).not.to.equal(undefined);
        }
        if (next === "create") await createFrom(source);
        else await staged(source, ({ trees }) => expect(contents(trees[0])).to.deep.equal({ x: "x" }));
        expect(existsSync(directory)).to.equal(false);
        expect(contents(source)).to.deep.equal({ x: "x" });
      });
    }
  }

  it("is given back where another run has put its stage there meanwhile", async () => {
    const source = tmpTree({ x: "x" });
    const cache = tmpDirectory();
    await staged(source, async (tree) => {
      const marker = join(tree.directory, "owner.json");
      const owner = JSON.parse(readFileSync(marker, "utf8")) as object;
      const aside = join(cache, "live");
      // A dead one in its place, until the other run has judged it.
      renameSync(tree.directory, aside);
      mkdirSync(tree.directory, { mode: 0o700 });
      writeFileSync(marker, JSON.stringify({ ...owner, pid: 2 ** 22 }));
      const { fs, came } = interrupted(
        "before",
        "rename",
        (from) => from === tree.directory,
        () => {
          rmSync(tree.directory, { recursive: true });
          renameSync(aside, tree.directory);
        },
      );
      await createFrom(source, {}, { fs });
      expect(came()).to.equal(true);
      expect(contents(tree.trees[0])).to.deep.equal({ x: "x" });
    });
    expect(readdirSync(dirname(source))).to.deep.equal(["source"]);
  });
});
