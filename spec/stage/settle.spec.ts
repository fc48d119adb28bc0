import { existsSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Bytes } from "../../lib/bytes.js";
import type { Filesystem } from "../../lib/filesystem.js";
import { createFrom } from "../helpers/run.js";
import { age, tmpTree, type Tree } from "../helpers/tree.js";
import { at, frostOf, METHODS, ordered } from "./frozen.js";
import { all, make, move, moving, old, recent, stir, touch, write, type Moves } from "./moves.js";

/** The walk enters `z` first, then `m`, then `a`. */
const TREE: Tree = {
  a: { "a.jsonl": "in a\n", "x.jsonl": "moving\n" },
  m: { "m.jsonl": "in m\n" },
  z: { "x.jsonl": "in z\n", "z.jsonl": "other\n" },
};

interface Move {
  readonly title: string;
  readonly moves: Moves;
  /** The bytes that must be found, under whatever name. */
  readonly lived: readonly string[];
}

const MOVES: readonly Move[] = [
  {
    title: "renamed within its directory",
    moves: [["a", move("a/x.jsonl", "a/x.jsonl.deleted.1")]],
    lived: ["moving\n"],
  },
  {
    title: "renamed into a directory that was walked",
    moves: [["a", move("a/x.jsonl", "z/moved")]],
    lived: ["moving\n"],
  },
  {
    title: "renamed out of a directory not yet walked",
    moves: [["z", move("a/x.jsonl", "z/moved")]],
    lived: ["moving\n"],
  },
  {
    title: "renamed ahead of each listing, there and back",
    moves: [
      ["z", all(move("a/x.jsonl", "z/moved"), touch("z", 1000))],
      ["a", touch("a", 2000)],
      ["a", all(move("z/moved", "a/x.jsonl"), touch("a", 3000))],
    ],
    lived: ["moving\n"],
  },
  { title: "renamed to the top", moves: [["a", move("a/x.jsonl", "moved")]], lived: ["moving\n"] },
  {
    title: "renamed over a file that was captured",
    moves: [["a", move("a/x.jsonl", "z/x.jsonl")]],
    lived: ["moving\n", "other\n", "in a\n", "in m\n"],
  },
  {
    title: "renamed into a directory that is new",
    moves: [["a", all(make("new"), move("a/x.jsonl", "new/x.jsonl"))]],
    lived: ["moving\n"],
  },
  {
    title: "renamed into a directory that is new in one that was walked",
    moves: [["a", all(make("z/new"), make("z/new/deep"), move("a/x.jsonl", "z/new/deep/x.jsonl"))]],
    lived: ["moving\n"],
  },
  {
    title: "in a directory that is renamed before it is walked",
    moves: [[".", move("a", "b")]],
    lived: ["moving\n", "in a\n"],
  },
  {
    title: "in a directory that is renamed while it is walked",
    moves: [["a", move("a", "z/a")]],
    lived: ["moving\n", "in a\n"],
  },
  {
    title: "renamed out of a directory that is renamed itself while it is walked",
    moves: [["a", all(move("a/x.jsonl", "z/moved"), move("a", "z/a"))]],
    lived: ["moving\n", "in a\n"],
  },
  {
    title: "in a directory that moves into one that was walked",
    moves: [["z", move("a", "z/a")]],
    lived: ["moving\n", "in a\n"],
  },
  {
    title: "in a directory that takes the name of one that was walked",
    moves: [["a", all(move("z", "y"), move("a", "z"))]],
    lived: ["moving\n", "in a\n", "in z\n", "other\n"],
  },
  {
    title: "in one of two directories that trade places",
    moves: [["a", all(move("z", "y"), move("a", "z"), move("y", "a"))]],
    lived: ["moving\n", "in a\n", "in z\n", "other\n"],
  },
  {
    title: "renamed away, back, and away again",
    moves: [
      ["a", move("a/x.jsonl", "z/moving")],
      ["a", move("z/moving", "a/x.jsonl")],
      ["a", move("a/x.jsonl", "z/moving")],
    ],
    lived: ["moving\n"],
  },
  {
    title: "renamed away from its name, which another takes",
    moves: [["a", all(move("a/x.jsonl", "z/moved"), write("a/x.jsonl", "young\n"))]],
    lived: ["moving\n", "in a\n", "in z\n"],
  },
];

const DISPLACED: readonly Move[] = [
  {
    title: "renamed while its directory is listed again and a new file takes its name",
    moves: [
      ["a", stir("a")],
      ["a", all(move("a/x.jsonl", "a/x.jsonl.1"), write("a/x.jsonl", "young\n"))],
    ],
    lived: ["moving\n", "in a\n"],
  },
  {
    title: "renamed while its directory is listed again and an old file takes its name",
    moves: [
      ["a", stir("a")],
      ["a", all(move("a/x.jsonl", "a/x.jsonl.1"), move("m/m.jsonl", "a/x.jsonl"))],
    ],
    lived: ["moving\n", "in a\n", "in m\n"],
  },
  {
    title: "renamed into a directory that was listed again and an old file takes its name",
    moves: [
      ["z", stir("z")],
      ["z", all(move("z/x.jsonl", "a/moved"), move("a/a.jsonl", "z/x.jsonl"))],
    ],
    lived: ["in z\n", "in a\n"],
  },
  {
    title: "renamed while its directory is listed again and a link takes its name",
    moves: [
      ["a", stir("a")],
      [
        "a",
        all(move("a/x.jsonl", "a/.x.jsonl"), (root) => symlinkSync(".x.jsonl", join(root, "a/x.jsonl")), stir("m")),
      ],
    ],
    lived: ["moving\n", "in a\n"],
  },
  {
    title: "renamed over another, after which an old file from elsewhere takes the name that it had",
    moves: [
      ["a", stir(".")],
      [".", move("z/z.jsonl", "a/a.jsonl")],
      ["a", (root) => renameSync(join(root, "../elsewhere"), join(root, "z/z.jsonl"))],
    ],
    lived: ["other\n", "moving\n", "in m\n", "in z\n"],
  },
];

/** Ahead of a pass that finds nothing else that moved. */
const GONE: readonly Move[] = [
  {
    title: "in a directory that moves behind a pass",
    moves: [
      ["m", move("a/x.jsonl", "z/moved")],
      ["a", () => {}],
      ["a", move("z", "a/z")],
    ],
    lived: ["moving\n", "in a\n", "in m\n", "in z\n", "other\n"],
  },
  {
    title: "in a directory that a link takes the place of behind a pass",
    moves: [
      ["m", move("a/x.jsonl", "z/moved")],
      ["a", () => {}],
      ["a", all(move("z", "a/z"), (root) => symlinkSync("m", join(root, "z")))],
    ],
    lived: ["moving\n", "in a\n", "in m\n", "in z\n", "other\n"],
  },
];

describe("settle", () => {
  const cases = [
    ...[...MOVES, ...DISPLACED].map((each) => ({ ...each, base: old })),
    ...GONE.map((each) => ({ ...each, base: recent })),
  ];
  for (const strategy of METHODS) {
    for (const { title, moves, lived, base } of cases) {
      it(`has a file that is ${title} (${strategy})`, async () => {
        const root = tmpTree(TREE);
        writeFileSync(join(root, "../elsewhere"), "from elsewhere\n");
        age(root, 3600);
        const { fs, came } = moving(root, moves, base);
        const { found, settled } = await frostOf(fs, root, strategy);
        expect(came()).to.equal(true);
        expect(Object.values(found)).to.include.members([...lived]);
        expect(settled).to.equal(true);
      });
    }
  }

  for (const strategy of METHODS) {
    it(`has a file that was born less than a millisecond before and renamed over another (${strategy})`, async () => {
      const root = tmpTree(TREE);
      age(root, 3600);
      const began = Date.now();
      const { fs, came } = moving(root, [["a", move("a/x.jsonl", "z/x.jsonl")]], {
        ...old,
        lstat: (path) => ({ ...old.lstat(path), birthtimeNs: BigInt(began) * 1_000_000n + 500_000n }),
      });
      const { found } = await frostOf(fs, root, strategy, () => began);
      expect(came()).to.equal(true);
      expect(Object.values(found)).to.include("moving\n");
    });
  }

  for (const strategy of METHODS) {
    it(`has nothing under a name that it never had, as its directory is renamed meanwhile (${strategy})`, async () => {
      const root = tmpTree(TREE);
      const replace = (): void => {
        rmSync(join(root, "b/x.jsonl"));
        writeFileSync(join(root, "b/x.jsonl"), "never in a\n");
      };
      const { fs, came } = moving(root, [["a", all(move("a", "b"), replace)]], ordered);
      const { found } = await frostOf(fs, root, strategy);
      expect(came()).to.equal(true);
      expect(found).to.include({ "b/x.jsonl": "never in a\n", "b/a.jsonl": "in a\n" });
      expect(found["a/x.jsonl"]).to.not.equal("never in a\n");
    });
  }

  const CLOCKS = [
    ["whose old name was missed, where no time tells of its rename", () => 1, "a"],
    [
      "whose rename did not move the time of a directory that was modified just before",
      () => Math.floor(Date.now() / 1000),
      "z",
    ],
  ] as const;
  for (const [title, seconds, listed] of CLOCKS) {
    it(`has a file ${title}`, async () => {
      const root = tmpTree(TREE);
      const mtimeNs = BigInt(seconds()) * 1_000_000_000n;
      const { fs, came } = moving(root, [[listed, move("a/x.jsonl", `${listed}/moved`)]], {
        ...ordered,
        fstat: (fd) => {
          const stat = ordered.fstat(fd);
          return stat.kind === "directory" ? { ...stat, mtimeNs } : stat;
        },
      });
      const { found } = await frostOf(fs, root);
      expect(came()).to.equal(true);
      expect(found).to.include({ [`${listed}/moved`]: "moving\n" });
    });
  }

  for (const strategy of METHODS) {
    it(`has a new file that is gone by the time that the known ones are looked at again (${strategy})`, async () => {
      const root = tmpTree({ "a.jsonl": "known\n" });
      const { fs, came } = moving(root, [[".", write("z.jsonl", "brief\n")]], {
        ...ordered,
        lstat(path) {
          if (path.endsWith("/a.jsonl") && came()) rmSync(join(root, "z.jsonl"), { force: true });
          return ordered.lstat(path);
        },
      });
      const { found, skipped } = await frostOf(fs, root, strategy);
      expect(existsSync(join(root, "z.jsonl"))).to.equal(false);
      expect(found).to.include({ "z.jsonl": "brief\n" });
      expect(skipped).to.deep.equal({});
    });

    it(`is done after one pass where nothing moves (${strategy})`, async () => {
      const report = await createFrom(tmpTree(TREE), { strategy });
      expect(report).to.include({ settlePasses: 1, settled: true, complete: true });
    });

    it(`does not go on for ever for files that are replaced all the time (${strategy})`, async () => {
      const root = tmpTree({ "sessions.json": "0" });
      let times = 0;
      const fs: Filesystem = {
        ...ordered,
        list(path) {
          const names = ordered.list(path);
          if (!at(root)(path)) return names;
          writeFileSync(join(root, "sessions.json.tmp"), String(++times));
          renameSync(join(root, "sessions.json.tmp"), join(root, "sessions.json"));
          return names;
        },
        // Clocks tick every few milliseconds: so that each is seen to be younger than the one before.
        lstat: (path) => {
          const stat = ordered.lstat(path);
          return { ...stat, birthtimeNs: stat.birthtimeNs + 1_000_000_000n };
        },
      };
      const { found, passes, settled } = await frostOf(fs, root, strategy);
      expect(times).to.be.greaterThan(2);
      expect({ passes, settled }).to.deep.equal({ passes: 3, settled: true });
      expect(Number(found["sessions.json"])).to.be.within(0, times);
    });

    it(`gives up after 20 passes where names vanish in each, and says so (${strategy})`, async () => {
      const root = tmpTree(TREE);
      let ghosts = 0;
      const fs: Filesystem = {
        ...ordered,
        list(path) {
          const ghost = { name: `ghost-${ghosts++}` as Bytes, kind: "file" as const };
          return ordered.realpath(path).startsWith(root) ? [...ordered.list(path), ghost] : ordered.list(path);
        },
      };
      const report = await createFrom(root, { strategy }, { fs });
      expect(report).to.include({ outcome: "published", settlePasses: 20, settled: false, complete: false });
      expect(report.counts.files).to.equal(5);
      expect(new Set(report.skipped.map(({ reason }) => reason))).to.deep.equal(new Set(["vanished"]));
    });
  }
});
