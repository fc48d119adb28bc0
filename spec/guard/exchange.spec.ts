import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf, type Bytes } from "../../lib/bytes.js";
import { HoldstillError } from "../../lib/errors.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { exchange } from "../../lib/guard/exchange.js";
import type { Move } from "../../lib/guard/journal.js";
import { errno, fsWith, interrupted, refuse } from "../helpers/port.js";
import { contents, tmpDirectory, writeTree } from "../helpers/tree.js";

/** A live directory with a restored one beside it, and what is carried over. */
function world(): { readonly root: string; readonly moves: readonly Move[]; readonly at: (name: string) => Bytes } {
  const root = tmpDirectory();
  writeTree(root, { live: { a: "new", sock: "s" }, restored: { a: "old" } });
  const at = (name: string): Bytes => bytesOf(join(root, name));
  const moves: Move[] = [
    { kind: "aside", from: at("live"), to: at("failed") },
    { kind: "in", from: at("restored"), to: at("live"), aside: at("failed") },
    { kind: "carry", from: at("failed/sock"), to: at("live/sock") },
  ];
  return { root, moves, at };
}

const EXCHANGED = { "failed/": "/", "failed/a": "new", "live/": "/", "live/a": "old", "live/sock": "s" };

describe("an exchange", () => {
  it("moves what is live aside, what was restored in, and takes over what the archive does not hold", async () => {
    const { root, moves } = world();
    expect(await exchange(disk, moves)).to.deep.equal([]);
    expect(contents(root)).to.deep.equal(EXCHANGED);
  });

  it("is done when it was done, and a second one changes nothing", async () => {
    const { root, moves } = world();
    await exchange(disk, moves);
    expect(await exchange(disk, moves)).to.deep.equal([]);
    expect(contents(root)).to.deep.equal(EXCHANGED);
  });

  for (const nth of [1, 2, 3]) {
    for (const when of ["before", "after"] as const) {
      it(`goes on where it was ended ${when} rename ${nth}`, async () => {
        const { root, moves } = world();
        let calls = 0;
        const dying = interrupted(
          when,
          "rename",
          () => ++calls === nth,
          () => {
            throw errno("EIO");
          },
        );
        expect(await exchange(dying.fs, moves).catch((error: unknown) => error)).to.include({ code: "EIO" });
        expect(dying.came()).to.equal(true);
        expect(await exchange(disk, moves)).to.deep.equal([]);
        expect(contents(root)).to.deep.equal(EXCHANGED);
      });
    }
  }

  it("moves what came up in between aside as well, under a name of its own", async () => {
    const { root, moves } = world();
    await exchange(disk, moves.slice(0, 1));
    writeTree(join(root, "live"), { b: "a service was started again" });
    await exchange(disk, moves);
    expect(contents(root)).to.deep.equal({
      ...EXCHANGED,
      "failed-2/": "/",
      "failed-2/b": "a service was started again",
    });
  });

  it("does so with an empty directory too, which a rename would replace in silence", async () => {
    const { root, moves } = world();
    await exchange(disk, moves.slice(0, 1));
    mkdirSync(join(root, "live"));
    await exchange(disk, moves);
    expect(contents(root)).to.deep.equal({ ...EXCHANGED, "failed-2/": "/" });
  });

  it("puts back what the command has removed altogether", async () => {
    const { root, moves } = world();
    disk.rename(bytesOf(join(root, "live")), bytesOf(join(root, "gone")));
    expect(await exchange(disk, moves)).to.deep.equal([]);
    expect(contents(root)).to.include({ "live/a": "old" });
  });

  it("does not go on where neither the restored nor the live one is there", async () => {
    const { moves } = world();
    const lost = moves.map((move) =>
      move.kind === "in" ? { ...move, from: bytesOf("/nowhere/a"), to: bytesOf("/nowhere/b") } : move,
    );
    expect(await exchange(disk, lost).catch((error: unknown) => error)).to.be.instanceOf(HoldstillError);
  });

  it("names what could not be carried over, and leaves it", async () => {
    const { root, moves, at } = world();
    writeFileSync(join(root, "restored/sock"), "of the archive");
    expect(await exchange(disk, moves)).to.deep.equal([
      `${at("failed/sock")} stays where it is: there is ${at("live/sock")}`,
    ]);
    expect(contents(root)).to.include({ "failed/sock": "s", "live/sock": "of the archive" });
  });

  it("names what lies on another disk", async () => {
    const { root, moves, at } = world();
    const rename: Filesystem["rename"] = (from, to) =>
      from === at("failed/sock") ? refuse("EXDEV")() : disk.rename(from, to);
    expect(await exchange(fsWith({ rename }), moves)).to.have.lengthOf(1);
    expect(contents(root)).to.include({ "failed/sock": "s" });
  });

  it("leaves the times of directories as they were restored", async () => {
    const { at, moves } = world();
    const before = disk.lstat(at("restored")).mtimeNs / 1000n;
    await exchange(disk, moves);
    expect(disk.lstat(at("live")).mtimeNs / 1000n).to.equal(before);
  });

  it("is on the disk step by step: the old one aside before the restored one is in", async () => {
    const { moves, root } = world();
    const seen: string[] = [];
    const fs = fsWith({
      rename(from, to) {
        seen.push(`rename ${from.slice(root.length + 1)}`);
        disk.rename(from, to);
      },
      async sync(fd) {
        seen.push(`sync ${disk.readlink(bytesOf(`/proc/self/fd/${fd}`)).slice(root.length + 1)}`);
        return disk.sync(fd);
      },
    });
    await exchange(fs, moves);
    expect(seen).to.deep.equal([
      ...["rename live", "sync ", "rename restored", "sync "],
      ...["rename failed/sock", "sync failed", "sync live"],
    ]);
  });
});
