import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Filesystem } from "../../lib/filesystem.js";
import type { Moment } from "../helpers/port.js";
import { age, link, tmpDirectory, tmpTree, type Tree } from "../helpers/tree.js";
import { frostOf, METHODS, ordered } from "./frozen.js";

const SECRET = "not to be backed up\n";

const TREE: Tree = {
  "a.jsonl": "a\n",
  dir: { below: { "x.jsonl": "x\n", "x.link": link("x.jsonl") }, "y.jsonl": "y\n" },
  "z.jsonl": "z\n",
};

/** Something else with the same names in it, and more. */
const FOREIGN: Tree = {
  below: { "x.jsonl": SECRET, "x.link": link("/secret"), "more.jsonl": SECRET, more: { "more.jsonl": SECRET } },
  "y.jsonl": SECRET,
  "more.jsonl": SECRET,
  "secret.jsonl": SECRET,
};

/** Everything through which the walk reaches the live tree. */
const OPERATIONS = ["list", "openDirectory", "openRead", "fstat", "lstat", "readlink", "link"] as const;

/** A disk on which something happens once, right before the operation of this number. */
function before(number: number, act: () => void, base: Filesystem): Moment & { readonly fs: Filesystem } {
  let count = 0;
  const replaced = OPERATIONS.map((name) => {
    const real = base[name] as (...args: unknown[]) => unknown;
    const operation = (...args: unknown[]): unknown => {
      if (++count === number) act();
      return real(...args);
    };
    return [name, operation] as const;
  });
  return { fs: { ...base, ...Object.fromEntries(replaced) }, came: () => count >= number };
}

/** A disk that tells of all that is foreign and was seen, even if it does not stay in what is frozen. */
function watched(): { readonly fs: Filesystem; readonly leaks: readonly string[] } {
  const leaks: string[] = [];
  const leak = (is: boolean, what: string): void => void (is && leaks.push(what));
  const fs: Filesystem = {
    ...ordered,
    list(path) {
      const names = ordered.list(path);
      leak(
        names.some(({ name }) => name.startsWith("more")),
        `${path} was listed`,
      );
      return names;
    },
    readlink(path) {
      const target = ordered.readlink(path);
      leak(target === "/secret", `${path} was read as a link`);
      return target;
    },
    link(from, to) {
      ordered.link(from, to);
      const isFile = ordered.lstat(to).kind === "file";
      leak(isFile && readFileSync(to, "utf8") === SECRET, `${from} was linked`);
    },
    read(fd, buffer, ...rest) {
      const length = ordered.read(fd, buffer, ...rest);
      leak(Buffer.from(buffer).includes(SECRET), "a secret was read");
      leak(ordered.fstat(fd).kind !== "file", "what is no file was read");
      return length;
    },
  };
  return { fs, leaks };
}

interface Swap {
  readonly title: string;
  readonly path: string;
  readonly put: (path: string, foreign: string) => void;
  /** What may be found under the path itself: by its content, or by why it is skipped. */
  readonly may: readonly string[];
  /** What must be there all the same. */
  readonly untouched: readonly string[];
}

const SWAPS: readonly Swap[] = [
  {
    title: "a directory for a link to a foreign one",
    path: "dir",
    put: (path, foreign) => symlinkSync(foreign, path),
    may: ["/", "-> FOREIGN", "vanished"],
    untouched: ["a.jsonl", "z.jsonl"],
  },
  {
    title: "a directory further down for a link to a foreign one",
    path: "dir/below",
    put: (path, foreign) => symlinkSync(join(foreign, "below"), path),
    may: ["/", "-> FOREIGN/below", "vanished"],
    untouched: ["a.jsonl", "dir/y.jsonl", "z.jsonl"],
  },
  {
    title: "a file for a link to a secret",
    path: "dir/y.jsonl",
    put: (path, foreign) => symlinkSync(join(foreign, "secret.jsonl"), path),
    may: ["y\n", "-> FOREIGN/secret.jsonl", "vanished"],
    untouched: ["a.jsonl", "dir/below/x.jsonl", "dir/below/x.link", "z.jsonl"],
  },
  {
    title: "a file for a FIFO",
    path: "dir/y.jsonl",
    put: (path) => execFileSync("mkfifo", [path]),
    may: ["y\n", "special"],
    untouched: ["a.jsonl", "dir/below/x.jsonl", "dir/below/x.link", "z.jsonl"],
  },
  {
    title: "a file for a directory",
    path: "dir/y.jsonl",
    put(path) {
      mkdirSync(path);
      writeFileSync(join(path, "inner.jsonl"), "inner\n");
    },
    may: ["y\n", "/"],
    untouched: ["a.jsonl", "dir/below/x.jsonl", "dir/below/x.link", "z.jsonl"],
  },
  {
    title: "a link for another one",
    path: "dir/below/x.link",
    put: (path, foreign) => symlinkSync(join(foreign, "secret.jsonl"), path),
    may: ["-> x.jsonl", "-> FOREIGN/secret.jsonl"],
    untouched: ["a.jsonl", "dir/y.jsonl", "dir/below/x.jsonl", "z.jsonl"],
  },
  {
    title: "a link for a file",
    path: "dir/below/x.link",
    put: (path) => writeFileSync(path, "new\n"),
    may: ["-> x.jsonl", "new\n"],
    untouched: ["a.jsonl", "dir/y.jsonl", "dir/below/x.jsonl", "z.jsonl"],
  },
];

/** Fewer than any freeze of the tree needs. */
const LEAST_OPERATIONS = 40;

describe("descent", function () {
  this.timeout(60_000);

  for (const strategy of METHODS) {
    for (const { title, path, put, may, untouched } of SWAPS) {
      it(`leads nowhere when somebody swaps ${title}, whenever that is (${strategy})`, async () => {
        for (let number = 1; ; number++) {
          const root = tmpTree(TREE);
          const foreign = tmpTree(FOREIGN);
          for (const tree of [root, foreign]) age(tree, 3600);
          const { fs: base, leaks } = watched();
          const swap = (): void => {
            renameSync(join(root, path), join(tmpDirectory(), "aside"));
            put(join(root, path), foreign);
          };
          const { fs, came } = before(number, swap, base);
          const { found, skipped } = await frostOf(fs, root, strategy);
          if (!came()) {
            expect(number).to.be.greaterThan(LEAST_OPERATIONS);
            break;
          }
          expect(leaks, `before operation ${number}`).to.deep.equal([]);
          const there = (found[`${path}/`] ?? found[path] ?? skipped[path] ?? "nothing").replace(foreign, "FOREIGN");
          expect(may, `before operation ${number}`).to.include(there);
          expect(Object.keys(found), `before operation ${number}`).to.include.members([...untouched]);
        }
      });
    }
  }
});
