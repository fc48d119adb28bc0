import {
  appendFileSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { bytesOf, type Bytes } from "../../lib/bytes.js";
import { disk } from "../../lib/filesystem.js";
import { entryText, proofLines } from "../../lib/report/show-text.js";
import { noteVerified } from "../../lib/vault/catalog.js";
import { fsWith } from "../helpers/port.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { tmpDirectory, tmpTree } from "../helpers/tree.js";
import { catalogFile, failure, foreignArchive, paths, shown, warningsOf } from "./looking.js";

const TREE = {
  "a.txt": "a",
  "notes[1].txt": "n",
  agents: { main: { sessions: { "one.jsonl": "1\n" } }, "main.log": "x" },
} as const;

describe("show", () => {
  it("gives every entry in the order of the archive, with paths below the one source", async () => {
    const { archive } = await createFrom(tmpTree(TREE));
    expect(await paths(archive)).to.deep.equal([
      ...[".", "a.txt", "agents", "agents/main", "agents/main.log", "agents/main/sessions"],
      ...["agents/main/sessions/one.jsonl", "notes[1].txt"],
    ]);
  });

  it("warns of an archive that was found to be bad", async () => {
    const { archive } = await createFrom(tmpTree(TREE));
    noteVerified(disk, bytesOf(archive), "a.txt is damaged");
    const around = surroundings();
    await shown(archive, undefined, around);
    expect(warningsOf(around)).to.deep.equal([`${archive} is noted as bad: a.txt is damaged`]);
  });

  it("takes a path below the source, the absolute one, the one in the archive, and patterns", async () => {
    const source = tmpTree(TREE);
    const { archive } = await createFrom(source);
    const [first] = await shown(archive, "a.txt");
    const root = first?.places.snapshot.root ?? "";
    const main = ["agents/main", "agents/main/sessions", "agents/main/sessions/one.jsonl"];
    const selections: readonly (readonly [string, readonly string[]])[] = [
      ["agents/main", main],
      ["./agents//main/", main],
      [join(source, "agents/main"), main],
      [`${root}/payload/posix${source}/agents/main`, main],
      ["notes[1].txt", ["notes[1].txt"]],
      ["*.log", ["agents/main.log"]],
      ["agents/*/sessions", main.slice(1)],
      [`${source}/agents/*.log`, ["agents/main.log"]],
      ["main", []],
    ];
    for (const [path, expected] of selections) {
      if (expected.length > 0) expect(await paths(archive, path), path).to.deep.equal(expected);
      else expect((await failure(paths(archive, path))).code, path).to.equal("no-entry");
    }
  });

  it("tells absolute paths where there are several sources", async () => {
    const [one, two] = [tmpTree({ a: "1" }), tmpTree({ a: "2" })];
    const { archive } = await createFrom(one, { sources: [one, two] });
    expect(await paths(archive, "a")).to.have.members([join(one, "a"), join(two, "a")]);
    expect(await paths(archive, join(two, "a"))).to.deep.equal([join(two, "a")]);
  });

  it("tells what is not there, with the reason", async () => {
    const { archive } = await createFrom(tmpTree(TREE), { exclude: ["*.log"] });
    const [left] = await shown(archive, "agents/main.log");
    expect(left && entryText(left.line, left.path)).to.equal("excluded by *.log  agents/main.log");
  });

  it("prints modes, owners, links and hard links as `ls -l` does", async () => {
    const source = tmpTree({ "a.txt": "abc" });
    linkSync(join(source, "a.txt"), join(source, "b.txt"));
    symlinkSync("a.txt", join(source, "c"));
    const { archive } = await createFrom(source);
    const texts = (await shown(archive)).map(({ line, path }) => entryText(line, path));
    const owner = `${process.getuid?.()}/${process.getgid?.()}`.padEnd(9);
    expect(texts[1]).to.match(new RegExp(`^-rw-[r-]--[r-]--  ${owner}           3  20\\S+Z  a\\.txt$`));
    expect(texts[2]).to.match(/^h\S+ .* b\.txt link to a\.txt$/);
    expect(texts[3]).to.match(/^lrwxrwxrwx .* c -> a\.txt$/);
  });

  it("proves how a file was captured", async () => {
    const { archive } = await createFrom(tmpTree({ "a.txt": "abc" }), { strategy: "copy" });
    const [found] = await shown(archive, "a.txt");
    if (found?.line.type !== "file") throw new Error("it is no file");
    const lines = proofLines(found.line, found.path);
    expect(lines[2]).to.equal("  sha256    ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(lines[3]).to.match(/^ {2}captured {2}\d{4}-.*Z, as a copy$/);
    expect(lines[4]).to.equal("  verdict   exact: the bytes of that moment");
  });

  it("proves nothing of another name of a file, and says whose it is", async () => {
    const source = tmpTree({ "a.txt": "abc" });
    linkSync(join(source, "a.txt"), join(source, "b.txt"));
    const [found] = await shown((await createFrom(source)).archive, "b.txt");
    expect(found && proofLines(found.line, found.path)).to.deep.equal([
      ...["b.txt", "  the file  a.txt, of which this is another name"],
    ]);
  });

  it("shows all the same where something that is no file is in the way of the catalog", async () => {
    const { archive } = await createFrom(tmpTree({ "a.txt": "a" }));
    const copy = catalogFile(archive, "jsonl.gz");
    rmSync(copy);
    mkdirSync(copy);
    const around = surroundings();
    expect(await paths(archive, undefined, around)).to.deep.equal([".", "a.txt"]);
    expect(warningsOf(around)[1]).to.match(/cannot be saved beside the archive: EISDIR/);
  });

  it("says whose an archive may be that it may not read", async () => {
    const { archive } = await createFrom(tmpTree({ "a.txt": "a" }));
    rmSync(catalogFile(archive, "json"));
    const openRead = (path: Bytes): number => {
      if (!path.endsWith("/" + basename(archive))) return disk.openRead(path);
      throw Object.assign(new Error("EACCES"), { code: "EACCES" });
    };
    const error = await failure(shown(archive, undefined, surroundings({ fs: fsWith({ openRead }) })));
    expect(error).to.include({ code: "no-archive", path: archive });
    expect(error.hint).to.include("as root");
  });

  const damages: Readonly<Record<string, (copy: string) => void>> = {
    missing: (copy) => rmSync(copy),
    "not gzip": (copy) => writeFileSync(copy, "x"),
    "cut off": (copy) => writeFileSync(copy, readFileSync(copy).subarray(0, 60)),
    "followed by something": (copy) => appendFileSync(copy, gzipSync("{}\n")),
    "of another backup": (copy) =>
      writeFileSync(copy, gzipSync(gunzipSync(readFileSync(copy)).toString().replace('"size":1', '"size":9'))),
  };
  for (const [what, damage] of Object.entries(damages)) {
    it(`makes an index copy anew that is ${what}, and says so`, async () => {
      const { archive } = await createFrom(tmpTree({ "a.txt": "a" }));
      const before = await shown(archive);
      damage(catalogFile(archive, "jsonl.gz"));
      const around = surroundings();
      expect(await paths(archive, undefined, around)).to.deep.equal([".", "a.txt"]);
      expect(warningsOf(around)).to.have.lengthOf(1);
      expect((await shown(archive)).map(({ line }) => line)).to.deep.equal(before.map(({ line }) => line));
      const again = surroundings();
      await shown(archive, undefined, again);
      expect(warningsOf(again)).to.deep.equal([]);
    });
  }

  it("leaves nothing beside an archive that lies anywhere, nor in the directory for temporary files", async () => {
    const { archive } = await createFrom(tmpTree({ "a.txt": "a" }));
    const elsewhere = join(tmpDirectory(), "copy.bin");
    copyFileSync(archive, elsewhere);
    const temporary = tmpDirectory();
    const around = surroundings({ env: { PATH: process.env["PATH"], TMPDIR: temporary } });
    expect(await paths(elsewhere, undefined, around)).to.deep.equal([".", "a.txt"]);
    expect(readdirSync(dirname(elsewhere))).to.deep.equal(["copy.bin"]);
    expect(readdirSync(temporary)).to.deep.equal([]);
  });

  it("shows archives of OpenClaw in the same order, without a proof", async () => {
    const archive = foreignArchive();
    const entries = await shown(archive);
    expect(entries.map(({ path, line }) => [path, line.type])).to.deep.equal([
      ...[
        [".", "directory"],
        ["a.txt", "file"],
        ["b.txt", "hardlink"],
        ["fifo", "skip"],
        ["l", "symlink"],
        ["z.txt", "file"],
      ],
    ]);
    const file = entries[1]?.line;
    expect(file).to.not.have.property("capture");
    if (file?.type === "file") expect(proofLines(file, "a.txt")[3]).to.match(/captured {2}unknown/);
  });
});
