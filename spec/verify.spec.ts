import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { bytesOf } from "../lib/bytes.js";
import { HoldstillError } from "../lib/errors.js";
import { disk, type Filesystem } from "../lib/filesystem.js";
import { checkArchive } from "../lib/archive/check.js";
import type { EntryLine } from "../lib/archive/index.js";
import type { Event } from "../lib/report/events.js";
import { createScratch } from "../lib/scratch.js";
import { verify, verifyWritten } from "../lib/verify.js";
import { entry, header, tar } from "./helpers/raw-tar.js";
import {
  chunked,
  closed,
  directory,
  file,
  hardlink,
  indexOf,
  MANIFEST,
  ROOT,
  sampleEntries,
  sampleTar,
  sha256,
  snapshotLine,
  tarOf,
  type SampleEntry,
} from "./helpers/sample-archive.js";

async function failure(use: Promise<unknown>): Promise<HoldstillError> {
  try {
    await use;
  } catch (error) {
    if (error instanceof HoldstillError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

async function refusal(data: Buffer): Promise<string> {
  const { code, message } = await failure(checkArchive(chunked(data)));
  return code === "bad-archive" ? message : code;
}

const linesOf = (entries: readonly SampleEntry[]): EntryLine[] => entries.map(({ line }) => line);

/** Why an archive is refused whose tar holds these entries and whose index names those. */
async function mismatch(stored: readonly SampleEntry[], indexed: readonly SampleEntry[]): Promise<string> {
  return refusal(await tarOf(stored, indexOf(linesOf(indexed))));
}

describe("checkArchive", () => {
  const entries = sampleEntries();
  const at = (path: string): number => entries.findIndex(({ line }) => "path" in line && line.path === path);

  it("tells what an archive holds", async () => {
    const { counts, index, unchecked } = await checkArchive(chunked(await sampleTar()));
    expect(counts).to.deep.equal({ files: 7, directories: 2, symlinks: 1, hardlinks: 1, databases: 1, bytes: 749 });
    expect(index?.snapshot.id).to.equal("0192");
    expect(index?.verdicts.exact).to.equal(7);
    expect(unchecked).to.deep.equal([]);
  });

  it("finds one byte flipped anywhere", async () => {
    const few = [directory("."), file("a\\b", "abc"), hardlink("c", "a\\b"), file("\xff", "", { uid: 70_000_000 })];
    const data = await tarOf(few, indexOf(linesOf(few)));
    await checkArchive(chunked(data));
    const missed: string[] = [];
    for (let at = 0; at < data.length; at++) {
      for (const mask of [0xff, 0x01]) {
        data.writeUInt8(data.readUInt8(at) ^ mask, at);
        const found = await checkArchive(chunked(data)).then(
          () => false,
          (error: unknown) => error instanceof HoldstillError && error.code === "bad-archive",
        );
        if (!found) missed.push(`${at} ^ ${mask}`);
        data.writeUInt8(data.readUInt8(at) ^ mask, at);
      }
    }
    expect(missed).to.deep.equal([]);
  });

  it("finds an archive that ends too early, wherever", async () => {
    const data = await sampleTar();
    for (let length = 0; length < data.length; length += length % 512 === 0 ? 77 : 512 - 77) {
      expect(await refusal(data.subarray(0, length)), `${length} bytes`).to.match(/damaged|is empty/);
    }
  });

  it("names an entry that is missing, each of them", async () => {
    for (const [index, { line }] of entries.entries()) {
      const stored = entries.filter((_, other) => other !== index);
      const name = "path" in line ? line.path : "raw-\ufffd\ufffd";
      expect(await mismatch(stored, entries)).to.equal(`missing from the archive: ${name}`);
    }
  });

  it("names an entry that is in the archive and not in its index, each of them", async () => {
    for (const [index, { line }] of entries.entries()) {
      const indexed = entries.filter((_, other) => other !== index);
      const name = "path" in line ? line.path : "raw-\ufffd\ufffd";
      // The root of a source has no name below it, and what a hard link repeats is missed there.
      const expected = name === "." ? /^not in the index: .*\/home\/anna\/state$/ : `not in the index: ${name}`;
      expect(await mismatch(entries, indexed)).to.match(
        new RegExp(expected instanceof RegExp ? expected : escaped(expected)),
      );
    }
  });

  it("finds what was renamed, swapped or doubled", async () => {
    const renamed = entries.with(at("agents/empty"), file("agents/emptz", ""));
    expect(await mismatch(renamed, entries)).to.equal("missing from the archive: agents/empty");
    const [a, b] = [at("agents/a.sqlite"), at("agents/empty")] as const;
    const swapped = entries.with(a, entries[b] as SampleEntry).with(b, entries[a] as SampleEntry);
    expect(await mismatch(swapped, entries)).to.match(/^out of order in the archive: .*agents\/a\.sqlite$/);
    expect(await mismatch(entries, swapped)).to.equal("not in the index: agents/a.sqlite");
    const doubled = entries.toSpliced(a, 0, entries[a] as SampleEntry);
    expect(await mismatch(doubled, doubled)).to.match(/^twice in the archive: .*agents\/a\.sqlite$/);
    expect(await mismatch(entries, doubled)).to.equal("out of order in the index: agents/a.sqlite");
  });

  it("names what differs between archive and index", async () => {
    const plain = file("agents/empty", "");
    const { line } = plain;
    if (line.type !== "file") throw new Error("not a file");
    const differing: readonly [EntryLine, string][] = [
      [{ ...line, size: 1 }, "size"],
      [{ ...line, mode: 0o644 }, "mode"],
      [{ ...line, uid: 1 }, "owner"],
      [{ ...line, gid: 1 }, "group"],
      [{ ...line, mtimeNs: "1790000000123456788" }, "time"],
      [{ ...line, sha256: sha256("x") }, "sha256"],
      [directory("agents/empty").line, "type"],
    ];
    for (const [other, what] of differing) {
      expect(await mismatch(entries, entries.with(at("agents/empty"), { ...plain, line: other }))).to.equal(
        `${what} of agents/empty differs`,
      );
    }
    const elsewhere = entries.with(at("agents/session.link"), hardlink("agents/session.link", "agents/empty"));
    expect(await mismatch(entries, elsewhere)).to.equal("link target of agents/session.link differs");
  });

  it("wants a hard link's file before it", async () => {
    for (const target of ["z", "agents", "gone"]) {
      const links = [directory("."), directory("agents"), hardlink("b", target), file("z", "")];
      expect(await mismatch(links, links)).to.equal("what b is a hard link to is not before it in the archive");
    }
  });

  it("allows for what vanished and came back", async () => {
    const gone = { type: "skip", path: "agents/empty", source: 0, reason: "vanished" } as const;
    const lines = linesOf(entries).toSpliced(at("agents/empty"), 0, gone);
    const { index } = await checkArchive(chunked(await tarOf(entries, indexOf(lines))));
    expect(index?.skipped.vanished).to.equal(1);
  });

  it("refuses an index that is missing, open, or of something else", async () => {
    const lines = linesOf(entries);
    const index = indexOf(lines);
    expect(await refusal(await tarOf(entries, undefined))).to.equal("it has no index");
    expect(await refusal(await tarOf(entries, index.slice(0, index.indexOf('{"type":"end"'))))).to.match(/not closed/);
    expect(await refusal(await tarOf(entries, `${index}\n`))).to.match(/follows its last line/);
    const other = indexOf(lines, MANIFEST.replace("0.1.0", "0.1.1"));
    expect(await refusal(await tarOf(entries, other))).to.equal("sha256 of manifest.json differs");
    const miscounted = closed([snapshotLine(), ...lines], lines.slice(1));
    expect(await refusal(await tarOf(entries, miscounted))).to.equal("the index miscounts its directories");
    const nowhere = lines.with(0, { ...directory(".").line, source: 1 });
    expect(await refusal(await tarOf(entries, indexOf(nowhere)))).to.match(/no source 1/);
  });

  it("refuses entries after the index, and beside the payload", async () => {
    const index = indexOf(linesOf(entries));
    const after = { header: { ...file("x", "").header, path: bytesOf(`${ROOT}/x`) }, body: Buffer.from(index) };
    expect(await refusal(await tarOf([...entries, after], index))).to.equal(`not in the payload: ${ROOT}/x`);
    const asIndex = { ...after, header: { ...after.header, path: bytesOf(`${ROOT}/holdstill/index.jsonl`) } };
    expect(await refusal(await tarOf([...entries, asIndex], index))).to.match(/index\.jsonl follows the index$/);
  });

  it("does not take a holdstill archive for another's when its manifest does not say so", async () => {
    const manifest = MANIFEST.replace('"holdstill":', '"holdstilm":');
    const data = await tarOf(entries, indexOf(linesOf(entries), manifest), manifest);
    expect(await refusal(data)).to.equal("it has holdstill's index, but another manifest");
  });

  describe("of an archive by `openclaw backup create`", () => {
    const manifest = (fields: object = {}): Buffer => {
      const assets = [{ kind: "state", sourcePath: "/s", archivePath: "root/payload/posix/s" }];
      return entry("root/manifest.json", JSON.stringify({ schemaVersion: 1, archiveRoot: "root", assets, ...fields }));
    };
    const state = header({ name: "root/payload/posix/s/", typeflag: "5" });
    const plain = entry("root/payload/posix/s/a", "abc");

    it("says what it cannot check", async () => {
      const link = header({ name: "root/payload/posix/s/b", typeflag: "1", linkname: "root/payload/posix/s/a" });
      const { counts, unchecked, index } = await checkArchive(chunked(tar(manifest(), state, plain, link)));
      expect(counts).to.include({ files: 1, directories: 1, hardlinks: 1, bytes: 3 });
      expect(index).to.equal(undefined);
      expect(unchecked.join(" ")).to.match(/no digests/);
    });

    it("takes the manifest where OpenClaw writes it: at the end", async () => {
      const { counts } = await checkArchive(chunked(tar(state, plain, manifest())));
      expect(counts).to.include({ files: 1, directories: 1, bytes: 3 });
    });

    it("reads what node-tar writes, whose headers are not ours", async () => {
      const loose = entry("root/payload/posix/s/a", "abc", { checksum: (sum) => `${sum.toString(8)}\0 ` });
      expect((await checkArchive(chunked(tar(manifest(), loose)))).counts.files).to.equal(1);
    });

    const bad: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
      "an asset without an entry": [tar(manifest()), /asset is missing/],
      "an asset outside the payload": [tar(manifest({ assets: [{ archivePath: "root/x" }] })), /outside the payload/],
      "no assets": [tar(manifest({ assets: undefined })), /lists no assets/],
      "an entry outside": [tar(manifest(), state, entry("other/a", "")), /not below root: other\/a/],
      "a name that leads out": [tar(manifest(), state, entry("root/../a", "")), /unsafe name/],
      "a name twice": [tar(manifest(), plain, plain), /twice in the archive/],
      "two manifests": [tar(manifest(), state, manifest()), /twice in the archive/],
      "a hard link to nothing": [
        tar(manifest(), state, header({ name: "root/b", typeflag: "1", linkname: "c" })),
        /missing: c/,
      ],
      "another root in its manifest": [tar(manifest({ archiveRoot: "x" })), /another directory/],
      "a schema to come": [tar(manifest({ schemaVersion: 2 })), /unknown schema: 2/],
      "a manifest that is not JSON": [tar(entry("root/manifest.json", "{")), /not JSON/],
      "a manifest that is no object": [tar(entry("root/manifest.json", "[]")), /not a manifest/],
      "a manifest over 1 MiB": [tar(entry("root/manifest.json", " ".repeat((1 << 20) + 1))), /larger than 1 MiB/],
      "no manifest": [tar(entry("a", "")), /not below a|has no manifest/],
      "no manifest among its entries": [tar(entry("root/a", "")), /has no manifest: it begins with root$/],
      "a manifest of ours that is not first": [tar(state, manifest({ holdstill: {} })), /is not its first entry/],
      "no entry at all": [tar(), /is empty/],
    };
    for (const [what, [data, message]] of Object.entries(bad)) {
      it(`refuses ${what}`, async () => {
        expect(await refusal(data)).to.match(message);
      });
    }
  });
});

describe("verify", () => {
  let dir: string;
  let data: Buffer;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), "holdstill-verify-"));
    data = await sampleTar();
  });
  after(() => rmSync(dir, { recursive: true }));

  const around = (fs: Filesystem = disk, onEvent: (event: Event) => void = () => {}) => ({
    ...{ fs, onEvent, cwd: dir, env: { PATH: process.env.PATH }, signal: new AbortController().signal },
    scratch: createScratch(),
  });
  const put = (name: string, content: Buffer | string): string => {
    writeFileSync(join(dir, name), content);
    return name;
  };

  it("reports a good archive, its own digest included", async () => {
    const report = await verify(put("a.tar", data), around());
    expect(report).to.deep.equal({
      ...{ archive: join(dir, "a.tar"), ok: true, holdstill: true, id: "0192" },
      ...{ files: 7, directories: 2, symlinks: 1, hardlinks: 1, databases: 1, bytes: 749 },
      ...{ archiveBytes: data.length, sha256: sha256(data), unchecked: [], damaged: [] },
    });
  });

  it("tells archives by content, and follows a link to one", async () => {
    const ours = Buffer.from(gzipSync(data));
    // As holdstill writes a gzip header: no level, and Unix.
    ours.writeUInt8(0, 8);
    ours.writeUInt8(3, 9);
    put("b.txt", ours);
    symlinkSync("b.txt", join(dir, "latest"));
    expect(await verify("latest", around())).to.include({ files: 7, archiveBytes: ours.length });
  });

  it("minds the container's header of our own archives", async () => {
    const ours = gzipSync(data);
    ours.writeUInt8(9, 4);
    const { code, message } = await failure(verify(put("c.tar.gz", ours), around()));
    expect([code, message]).to.deep.equal([
      "bad-archive",
      "the archive is damaged: the gzip header is not the one holdstill writes",
    ]);
  });

  it("finds a compressed archive that was cut or damaged", async () => {
    const ours = gzipSync(data);
    for (const length of [5, 100, ours.length - 9, ours.length - 1]) {
      const { code, path } = await failure(verify(put("d.tar.gz", ours.subarray(0, length)), around()));
      expect([code, path], `${length} bytes`).to.deep.equal(["bad-archive", join(dir, "d.tar.gz")]);
    }
    expect((await failure(verify(put("d.tar.gz", Buffer.concat([ours, Buffer.from("x")])), around()))).code).to.equal(
      "bad-archive",
    );
  });

  it("takes what is empty or nothing it knows for a bad archive", async () => {
    for (const content of ["", "x", "hello ".repeat(1000), Buffer.alloc(10_240)]) {
      expect((await failure(verify(put("e.tar", content), around()))).code).to.equal("bad-archive");
    }
  });

  it("finds no archive where there is none, a directory or a device", async () => {
    mkdirSync(join(dir, "directory"));
    execFileSync("mkfifo", [join(dir, "fifo")]);
    symlinkSync("nowhere", join(dir, "dangling"));
    for (const path of ["missing", "a.tar/below", "directory", "fifo", "dangling"]) {
      const { code, path: named } = await failure(verify(path, around()));
      expect([code, named], path).to.deep.equal(["no-archive", join(dir, path)]);
    }
    expect((await failure(verify("directory", around()))).hint).to.match(/--all/);
  });

  it("tells its phase and how far it is", async () => {
    const events: Event[] = [];
    await verify(
      put("f.tar", data),
      around(disk, (event) => void events.push(event)),
    );
    expect(events[0]).to.deep.equal({ type: "phase", phase: "verify", totalBytes: data.length });
    expect(events.at(-1)).to.include({ type: "progress", bytes: data.length });
  });

  it("ends with the reason that it was aborted for", async () => {
    const reason = new HoldstillError("interrupted", "Interrupted.");
    const aborted = verify(put("g.tar", data), { ...around(), signal: AbortSignal.abort(reason) });
    expect(await failure(aborted)).to.equal(reason);
  });

  it("passes on what the disk says, and closes the file", async () => {
    const open = new Set<number>();
    const broken: Filesystem = {
      ...disk,
      openRead: (path) => {
        const fd = disk.openRead(path);
        open.add(fd);
        return fd;
      },
      readAsync: async (fd, buffer, offset, length, position) => {
        if (length > 512) throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
        return disk.readAsync(fd, buffer, offset, length, position);
      },
      close: (fd) => {
        open.delete(fd);
        disk.close(fd);
      },
    };
    const error: unknown = await verify(put("h.tar", data), around(broken)).catch((cause: unknown) => cause);
    expect(error).to.have.property("code", "EIO");
    expect(open.size).to.equal(0);
  });

  describe("of what was just written", () => {
    const indexed = sampleEntries().map(({ line }) => line);
    const index = indexOf(indexed);
    const digest = sha256(index.slice(0, index.indexOf('{"type":"end"')));

    const written = () => ({ indexSha256: digest, sha256: sha256(data), sealed: undefined });

    it("is content with what was written", async () => {
      put("i.tar", data);
      await verifyWritten(bytesOf(join(dir, "i.tar")), written(), around());
    });

    it("fails where the same is in it, in other bytes", async () => {
      put("i.tar", data);
      const other = { ...written(), sha256: sha256("") };
      const { code, message } = await failure(verifyWritten(bytesOf(join(dir, "i.tar")), other, around()));
      expect(code).to.equal("verify-failed");
      expect(message).to.match(/its bytes are not those that were written$/);
    });

    it("fails when it is damaged, or another archive", async () => {
      put("j.tar", data);
      const other = { ...written(), indexSha256: sha256("") };
      expect((await failure(verifyWritten(bytesOf(join(dir, "j.tar")), other, around()))).code).to.equal(
        "verify-failed",
      );
      truncateSync(join(dir, "j.tar"), 10_240);
      const { code, message } = await failure(verifyWritten(bytesOf(join(dir, "j.tar")), written(), around()));
      expect([code, message]).to.satisfy(
        ([a, b]: string[]) => a === "verify-failed" && /did not verify: .*damaged at byte/.test(b ?? ""),
      );
    });
  });
});

function escaped(text: string): string {
  return `^${text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")}$`;
}
