import {
  appendFileSync,
  chmodSync,
  existsSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { list } from "../../lib/look/list.js";
import type { GoodArchive, ListedArchive } from "../../lib/report/list-report.js";
import { disk } from "../../lib/filesystem.js";
import { fsWith } from "../helpers/port.js";
import { entry, tar } from "../helpers/raw-tar.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { tmpDirectory, tmpTree } from "../helpers/tree.js";
import { catalogFile, failure, foreignArchive, warningsOf } from "./looking.js";

function good(row: ListedArchive | undefined): GoodArchive {
  if (row?.ok !== true) throw new Error("the archive is listed as bad");
  return row;
}

async function rows(output: string, around = surroundings()): Promise<GoodArchive[]> {
  return (await list(output, around)).archives.map((row) => good(row));
}

describe("list", () => {
  it("tells of each archive what its catalog tells, without reading one, the newest last", async () => {
    const output = join(tmpDirectory(), "archives");
    const first = await createFrom(tmpTree({ "a.txt": "a", "x.log": "x" }), {
      output,
      label: "one",
      exclude: ["*.log"],
    });
    const second = await createFrom(tmpTree({ b: "bb" }), { output: join(output, "0.tar"), verify: false });
    const unread = fsWith({
      readAsync: () => {
        throw new Error("an archive was read");
      },
    });
    const around = surroundings({ fs: unread, now: () => Date.parse("2100-01-01") });
    const found = await rows(output, around);
    expect(found.map(({ name }) => name)).to.deep.equal([basename(first.archive), "0.tar"]);
    expect(found[0]).to.deep.include({
      ...{ archive: first.archive, ok: true, holdstill: true, id: first.id, label: "one", profile: "directory" },
      ...first.counts,
      ...{ archiveBytes: first.bytes, sha256: first.sha256, verified: true, complete: true, incomplete: false },
      ...{ skipped: 0, excluded: 1, unstable: 0 },
    });
    expect(found[0]?.ageMs).to.equal(Date.parse("2100-01-01") - Date.parse(found[0]?.createdAt ?? ""));
    expect(found[1]).to.include({ archive: second.archive, verified: false, bytes: 2 });
    expect(warningsOf(around)).to.deep.equal([]);
  });

  const damages: Readonly<Record<string, (archive: string) => void>> = {
    missing: (archive) => rmSync(catalogFile(archive, "json")),
    damaged: (archive) => appendFileSync(catalogFile(archive, "json"), "x"),
    "changed in one digit": (archive) => {
      const path = catalogFile(archive, "json");
      writeFileSync(path, readFileSync(path, "utf8").replace('"files":1', '"files":7'));
    },
    "of another file": (archive) => utimesSync(archive, 1, 1),
  };
  for (const [what, damage] of Object.entries(damages)) {
    it(`makes a catalog anew that is ${what}, says so, and it is what it was`, async () => {
      const { archive } = await createFrom(tmpTree({ "a.txt": "a", d: {} }));
      const [before] = await rows(dirname(archive));
      damage(archive);
      const around = surroundings();
      const [after] = await rows(dirname(archive), around);
      expect(warningsOf(around)).to.have.lengthOf(1);
      expect(warningsOf(around)[0]).to.include(`the catalog of ${archive} is missing, damaged or of another file`);
      expect({ ...after, ageMs: 0 }).to.deep.equal({ ...before, ageMs: 0 });
      const again = surroundings();
      await rows(dirname(archive), again);
      expect(warningsOf(again)).to.deep.equal([]);
    });
  }

  it("knows an archive for verified after it was read again, though it was not when it was made", async () => {
    const { archive } = await createFrom(tmpTree({ "a.txt": "a" }), { verify: false });
    expect((await rows(dirname(archive)))[0]).to.include({ verified: false });
    rmSync(catalogFile(archive, "json"));
    expect((await rows(dirname(archive)))[0]).to.include({ verified: true });
  });

  it("lists archives of OpenClaw, and does not claim to know what they do not tell", async () => {
    const archive = foreignArchive();
    const [row] = await rows(dirname(archive));
    expect(row).to.deep.include({
      ...{ holdstill: false, tool: "openclaw 2026.9.6", createdAt: "2026-11-20T09:00:00.000Z", sources: ["/s"] },
      ...{ files: 2, directories: 1, symlinks: 1, hardlinks: 1, bytes: 3 },
      ...{ verified: null, complete: null, incomplete: null, skipped: null, excluded: null, unstable: null },
    });
    const around = surroundings();
    await rows(dirname(archive), around);
    expect(warningsOf(around)).to.deep.equal([]);
  });

  it("names a bad archive among the others, and passes by what is none", async () => {
    const output = join(tmpDirectory(), "archives");
    const sound = await createFrom(tmpTree({ "a.txt": "a" }), { output });
    const cut = await createFrom(tmpTree({ "a.txt": "a" }), { output: join(output, "cut.tar") });
    truncateSync(cut.archive, 3000);
    writeFileSync(join(output, "empty.tar.zst"), "");
    writeFileSync(join(output, "notes.txt"), "no archive");
    writeFileSync(join(output, "other.tar.gz"), gzipSync(tar(entry("photos/a.jpg", "a"))));
    const report = await list(output, surroundings());
    expect(report.outcome).to.equal("failed");
    expect(report.archives.map(({ name, ok }) => [name, ok])).to.have.deep.members([
      [basename(sound.archive), true],
      ["cut.tar", false],
      ["empty.tar.zst", false],
    ]);
    const bad = report.archives.find(({ name }) => name === "cut.tar");
    expect(bad).to.have.nested.include({ "error.code": "bad-archive", "error.path": cut.archive });
  });

  it("takes an archive for bad whose catalog is gone and whose digest is not the noted one", async () => {
    const { archive } = await createFrom(tmpTree({ "a.txt": "a" }));
    rmSync(catalogFile(archive, "json"));
    writeFileSync(catalogFile(archive, "json").replace(/json$/, "sha256"), `${"0".repeat(64)}  x\n`);
    expect((await list(dirname(archive), surroundings())).archives[0]).to.have.nested.include({
      "error.code": "bad-archive",
    });
  });

  it("lists all the same where the catalog cannot be saved", async () => {
    const archive = foreignArchive();
    const denied = fsWith({
      mkdir: () => {
        throw Object.assign(new Error("EROFS: read-only file system"), { code: "EROFS", syscall: "mkdir" });
      },
    });
    const around = surroundings({ fs: denied });
    expect(await rows(dirname(archive), around)).to.have.lengthOf(1);
    expect(warningsOf(around)[1]).to.match(/cannot be saved beside the archive: EROFS/);
    expect(existsSync(join(dirname(archive), ".holdstill"))).to.equal(false);
  });

  it("leaves nothing half done in the catalog when the archive turns out bad", async () => {
    const { archive } = await createFrom(tmpTree({ "a.txt": "a" }));
    rmSync(catalogFile(archive, "json"));
    truncateSync(archive, 3000);
    await list(dirname(archive), surroundings());
    const left = disk.list(join(dirname(archive), ".holdstill/index") as never).map(({ name }) => String(name));
    expect(left.filter((name) => name.includes("partial"))).to.deep.equal([]);
  });

  it("is empty where there are none, and an error where the directory that was named is not there", async () => {
    const around = surroundings();
    expect(await list(tmpDirectory(), around)).to.deep.equal({ outcome: "listed", archives: [] });
    expect(await list(undefined, around)).to.deep.equal({ outcome: "listed", archives: [] });
    expect((await failure(list(join(tmpDirectory(), "gone"), around))).code).to.equal("no-archive");
  });

  it("does not touch the archive when it makes its catalog", async () => {
    const archive = foreignArchive();
    chmodSync(archive, 0o400);
    const before = readFileSync(archive);
    await rows(dirname(archive));
    expect(readFileSync(archive)).to.deep.equal(before);
  });
});
