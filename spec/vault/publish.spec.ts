import { existsSync, linkSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { HoldstillError } from "../../lib/errors.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { publish, syncDirectory } from "../../lib/vault/publish.js";
import { errno, fsWith, interrupted, refuse } from "../helpers/port.js";
import { contents, tmpTree } from "../helpers/tree.js";

const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/** A directory with a finished partial archive in it, and how it is published. */
function vault(others: Readonly<Record<string, string>> = {}) {
  const directory = tmpTree({ ".a.tar.partial": "archive", ...others }, "archives");
  const [partial, final] = [".a.tar.partial", "a.tar"].map((name) => join(directory, name)) as [string, string];
  const inode = statSync(partial).ino;
  const run = async (fs: Filesystem): Promise<unknown> =>
    publish(fs, bytesOf(partial), bytesOf(final)).then(
      () => undefined,
      (error: unknown) => error,
    );
  return { directory, partial, final, inode, run, found: () => contents(directory) };
}

/** What was synced, by its path: a sync of what was closed too early fails. */
function recordingSyncs(base: Filesystem = disk): { fs: Filesystem; synced: { path: string; names: string[] }[] } {
  const synced: { path: string; names: string[] }[] = [];
  const sync = async (fd: number): Promise<void> => {
    const path = disk.readlink(bytesOf(`/proc/self/fd/${fd}`));
    synced.push({ path, names: disk.list(path).map(({ name }) => name) });
    await base.sync(fd);
  };
  return { fs: { ...base, sync }, synced };
}

describe("publish", () => {
  it("gives the very file its final name, takes the partial one away, and then syncs the directory", async () => {
    const { directory, final, inode, run, found } = vault();
    const { fs, synced } = recordingSyncs();
    expect(await run(fs)).to.equal(undefined);
    expect(found()).to.deep.equal({ "a.tar": "archive" });
    expect(statSync(final)).to.include({ ino: inode, nlink: 1 });
    expect(synced).to.deep.equal([{ path: directory, names: ["a.tar"] }]);
  });

  for (const code of NO_LINKS) {
    it(`renames where there are no hard links (${code}), and then syncs the directory`, async () => {
      const { directory, final, inode, run, found } = vault();
      const { fs, synced } = recordingSyncs(fsWith({ link: refuse(code) }));
      expect(await run(fs)).to.equal(undefined);
      expect(found()).to.deep.equal({ "a.tar": "archive" });
      expect(statSync(final).ino).to.equal(inode);
      expect(synced).to.deep.equal([{ path: directory, names: ["a.tar"] }]);
    });
  }

  for (const how of ["link", ...NO_LINKS]) {
    it(`never overwrites what has the name already (${how})`, async () => {
      const { final, run, found } = vault({ "a.tar": "another" });
      const error = await run(how === "link" ? disk : fsWith({ link: refuse(how) }));
      expect(error).to.be.instanceOf(HoldstillError).and.include({ code: "output-exists", path: final });
      expect((error as HoldstillError).hint).to.match(/another name/);
      expect(found()).to.include({ "a.tar": "another" });
    });
  }

  it("never overwrites what gets the name at the last moment", async () => {
    const { final, run, found } = vault();
    const { fs, came } = interrupted(
      "before",
      "link",
      (_, to) => to === final,
      () => writeFileSync(final, "another"),
    );
    expect(await run(fs))
      .to.be.instanceOf(HoldstillError)
      .and.include({ code: "output-exists", path: final });
    expect(came()).to.equal(true);
    expect(found()).to.include({ "a.tar": "another" });
  });

  const failures: readonly (readonly [keyof Filesystem, string, string])[] = [
    ["link", "ENOSPC", "no-space"],
    ["link", "EDQUOT", "no-space"],
    ["link", "EIO", "output-unusable"],
    ["link", "EROFS", "output-unusable"],
    ["unlink", "EIO", "output-unusable"],
    ["unlink", "EPERM", "output-unusable"],
    ["openDirectory", "EMFILE", "output-unusable"],
    ["sync", "EIO", "output-unusable"],
    ["sync", "ENOSPC", "no-space"],
  ];
  for (const [operation, code, meaning] of failures) {
    it(`publishes nothing and says ${meaning} when ${operation} fails with ${code}`, async () => {
      const { directory, final, run } = vault();
      const { fs, came } = interrupted("before", operation, () => true, refuse(code));
      const error = await run(fs);
      expect(came()).to.equal(true);
      expect(error).to.be.instanceOf(HoldstillError).and.include({ code: meaning });
      expect((error as HoldstillError).path).to.satisfy((path: string) => path === final || path === directory);
      expect(existsSync(final)).to.equal(false);
    });
  }

  for (const [operation, code, meaning] of [
    ["rename", "ENOSPC", "no-space"],
    ["rename", "EIO", "output-unusable"],
    ["lstat", "EACCES", "output-unusable"],
    ["sync", "EIO", "output-unusable"],
  ] as const) {
    it(`publishes nothing without hard links and says ${meaning} when ${operation} fails with ${code}`, async () => {
      const { final, run } = vault();
      const base = fsWith({ link: refuse("EPERM") });
      const { fs, came } = interrupted("before", operation, () => true, refuse(code), base);
      expect(await run(fs))
        .to.be.instanceOf(HoldstillError)
        .and.include({ code: meaning });
      expect(came()).to.equal(true);
      expect(existsSync(final)).to.equal(false);
    });
  }

  it("removes no archive but its own when it has to take its own back", async () => {
    const { directory, run } = vault({ "b.tar": "another" });
    linkSync(join(directory, "b.tar"), join(directory, "c.tar"));
    await run(fsWith({ sync: refuse("EIO") }));
    expect(readFileSync(join(directory, "b.tar"), "utf8")).to.equal("another");
    expect(statSync(join(directory, "c.tar")).nlink).to.equal(2);
  });
});

describe("syncDirectory", () => {
  for (const code of ["EINVAL", "ENOTSUP"]) {
    it(`is content where a filesystem cannot (${code})`, async () => {
      const { directory } = vault();
      await syncDirectory(fsWith({ sync: () => Promise.reject(errno(code)) }), bytesOf(directory));
    });
  }
});
