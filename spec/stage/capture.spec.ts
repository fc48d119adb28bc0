import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import type { Bytes } from "../../lib/bytes.js";
import { BROKEN } from "../../lib/errors.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { STAGE_PREFIX } from "../../lib/stage/leftovers.js";
import { errno, fsWith, interrupted, refuse } from "../helpers/port.js";
import { createFrom, extracted } from "../helpers/run.js";
import { age, contents, link, tmpDirectory, tmpTree } from "../helpers/tree.js";
import { at, cloning, frostOf, METHODS, named, ordered, walking } from "./frozen.js";

const TREE = { "a.jsonl": "a\n", "odd.jsonl": "odd\n", sub: { "z.jsonl": "z\n" } };

function liveTree(): string {
  const root = tmpTree(TREE);
  age(root, 3600);
  return root;
}

/** A disk that refuses to link one file, by its name. */
function refusingToLink(name: string, code: string): Filesystem {
  return fsWith({ link: (from, to) => (named(name)(from) ? refuse(code)() : disk.link(from, to)) });
}

/** The file that a path of the port stands for, whether by its name or by a descriptor. */
function refusingToClone(root: string, name: string, code: string): Filesystem {
  const base = cloning(disk);
  const one = at(join(root, name));
  return { ...base, reflink: (from, to) => (one(from) ? refuse(code)() : base.reflink(from, to)) };
}

describe("capture", () => {
  for (const code of ["EPERM", "EMLINK", "EXDEV", "EROFS", "EACCES"]) {
    for (const strategy of ["auto", "link"] as const) {
      it(`copies a file that cannot be linked (${code}), and counts it (${strategy})`, async () => {
        const root = liveTree();
        const fs = { ...refusingToLink("odd.jsonl", code), reflink: refuse("ENOTSUP") };
        const report = await createFrom(root, { strategy }, { fs });
        expect(report.capture).to.deep.equal({ clone: 0, link: 2, copy: 1, database: 0 });
        expect(report).to.include({ complete: true });
        expect(report.sources[0]?.method).to.equal("link");
        expect(extracted(report, root)).to.deep.equal(contents(root));
      });
    }
  }

  for (const code of ["ENOTSUP", "EXDEV", "EINVAL", "ETXTBSY"]) {
    for (const strategy of ["auto", "clone"] as const) {
      it(`copies a file that cannot be cloned (${code}), and counts it (${strategy})`, async () => {
        const root = liveTree();
        const report = await createFrom(root, { strategy }, { fs: refusingToClone(root, "odd.jsonl", code) });
        expect(report.capture).to.deep.equal({ clone: 2, link: 0, copy: 1, database: 0 });
        expect(report).to.include({ complete: true });
        expect(report.sources[0]?.method).to.equal("clone");
        expect(extracted(report, root)).to.deep.equal(contents(root));
      });
    }
  }

  const MOUNTS: readonly (readonly [string, Filesystem, "clone" | "link" | "copy"])[] = [
    ["clones where the mount can", cloning(disk), "clone"],
    ["links where it cannot clone", fsWith({ reflink: refuse("ENOTSUP") }), "link"],
    ["copies where it can do neither", unlinkable(fsWith({ reflink: refuse("ENOTSUP") })), "copy"],
  ];
  for (const [title, fs, method] of MOUNTS) {
    it(title, async () => {
      const root = liveTree();
      const report = await createFrom(root, {}, { fs });
      expect(report.sources[0]?.method).to.equal(method);
      expect(report.capture).to.deep.equal({ clone: 0, link: 0, copy: 0, database: 0, [method]: 3 });
      expect(extracted(report, root)).to.deep.equal(contents(root));
    });
  }

  const REFUSED: readonly (readonly ["clone" | "link", Filesystem])[] = [
    ["clone", fsWith({ reflink: refuse("ENOTSUP") })],
    ["link", unlinkable(cloning(disk))],
  ];
  for (const [strategy, fs] of REFUSED) {
    it(`fails where the mount refuses the one method that was asked for (${strategy})`, async () => {
      const root = liveTree();
      const output = join(tmpDirectory(), "archives");
      const failure: unknown = await createFrom(root, { strategy, output }, { fs }).catch((error: unknown) => error);
      expect(failure).to.be.an.instanceOf(Error).that.includes({ code: "usage", path: root });
      expect(failure)
        .to.have.property("message")
        .that.matches(new RegExp(`--strategy ${strategy}`));
      expect(failure).to.have.property("hint").that.is.a("string");
      expect(readdirSync(output).filter((name) => name.includes(".tar"))).to.deep.equal([]);
      expect(readdirSync(dirname(root))).to.deep.equal(["source"]);
    });
  }

  describe("when the stage is gone", () => {
    const removeStage = (root: string) => (): void => {
      for (const name of readdirSync(dirname(root)).filter((one) => one.startsWith(STAGE_PREFIX))) {
        rmSync(join(dirname(root), name), { recursive: true });
      }
    };
    const isLive = (path: string): boolean => named("odd.jsonl")(path as Parameters<ReturnType<typeof named>>[0]);
    const MOMENTS = {
      link: (root: string) => interrupted("before", "link", (from) => isLive(from), removeStage(root), ordered),
      copy: (root: string) => interrupted("after", "openRead", isLive, removeStage(root), ordered),
      clone: (root: string) => interrupted("after", "openRead", isLive, removeStage(root), cloning(ordered)),
    };
    for (const strategy of ["link", "copy", "clone"] as const) {
      it(`fails, and does not say that the file vanished (${strategy})`, async () => {
        const root = liveTree();
        const output = join(tmpDirectory(), "archives");
        const { fs, came } = MOMENTS[strategy](root);
        const failure: unknown = await createFrom(root, { strategy, output }, { fs }).catch((error: unknown) => error);
        expect(came()).to.equal(true);
        expect(failure).to.be.an.instanceOf(Error).that.includes({ code: "io" });
        expect(failure)
          .to.have.property("message")
          .that.matches(/stage was removed/);
        expect(readdirSync(output).filter((name) => name.includes(".tar"))).to.deep.equal([]);
        expect(existsSync(join(root, "odd.jsonl"))).to.equal(true);
      });
    }
  });

  describe("of what cannot be read", () => {
    for (const code of ["EACCES", "EPERM", ...BROKEN]) {
      it(`skips a file as unreadable and goes on (${code})`, async () => {
        const root = liveTree();
        const fs = fsWith({ openRead: (path) => (named("odd.jsonl")(path) ? refuse(code)() : disk.openRead(path)) });
        const report = await createFrom(root, { strategy: "copy" }, { fs });
        expect(report).to.include({ outcome: "published", complete: false });
        expect(report.skipped).to.deep.equal([{ path: "odd.jsonl", source: 0, reason: "unreadable", detail: code }]);
        expect(Object.keys(extracted(report, root))).to.deep.equal(["a.jsonl", "sub/", "sub/z.jsonl"]);
      });

      it(`skips a directory as unreadable and goes on (${code})`, async () => {
        const root = liveTree();
        const inWalk = walking(named("sub"));
        const fs = fsWith({ openDirectory: (path) => (inWalk(path) ? refuse(code)() : disk.openDirectory(path)) });
        const report = await createFrom(root, {}, { fs });
        expect(report).to.include({ outcome: "published", complete: false });
        expect(report.skipped).to.deep.equal([{ path: "sub", source: 0, reason: "unreadable", detail: code }]);
        expect(Object.keys(extracted(report, root))).to.deep.equal(["a.jsonl", "odd.jsonl"]);
      });
    }

    it("skips a file that could be linked and not opened, of whatever size", async () => {
      const root = tmpTree({ "a.jsonl": "a\n", "page.bin": "x".repeat(512), "word.bin": "x" });
      age(root, 3600);
      for (const name of ["page.bin", "word.bin"]) chmodSync(join(root, name), 0);
      // What a user who is not root gets for a file without permissions.
      const fs = fsWith({
        openRead: (path) => {
          if (disk.lstat(path).mode === 0) throw errno("EACCES");
          return disk.openRead(path);
        },
      });
      const report = await createFrom(root, { strategy: "link" }, { fs });
      expect(report).to.include({ outcome: "published", complete: false });
      expect(report.skipped.map(({ path, reason }) => `${reason} ${path}`)).to.deep.equal([
        "unreadable page.bin",
        "unreadable word.bin",
      ]);
    });
  });

  for (const strategy of METHODS) {
    it(`takes each thing for what it is, whatever the listing says (${strategy})`, async () => {
      const root = tmpTree({ ...TREE, "to.link": link("a.jsonl") });
      age(root, 3600);
      const before = contents(root);
      execFileSync("mkfifo", [join(root, "pipe")]);
      for (const kind of ["file", "unknown"] as const) {
        const lying: Filesystem["list"] = (path) => ordered.list(path).map(({ name }) => ({ name, kind }));
        const isLive = (path: Bytes): boolean => `${realpathSync(path)}/`.startsWith(`${root}/`);
        const fs: Filesystem = { ...ordered, list: (path) => (isLive(path) ? lying : ordered.list)(path) };
        const { found, skipped } = await frostOf(fs, root, strategy);
        expect({ found, skipped }, kind).to.deep.equal({ found: before, skipped: { pipe: "special" } });
      }
    });
  }
});

/** A disk whose links are refused wherever they lead into a stage: all of a mount. */
function unlinkable(base: Filesystem): Filesystem {
  return { ...base, link: (from, to) => (to.startsWith("/proc/self/fd/") ? refuse("EPERM")() : base.link(from, to)) };
}
