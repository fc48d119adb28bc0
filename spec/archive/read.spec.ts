import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { extract } from "tar-stream";
import { textOf } from "../../lib/bytes.js";
import { HoldstillError } from "../../lib/errors.js";
import { leniently, readTar, strictly, type OnIrregular, type TarEntry } from "../../lib/archive/read.js";
import {
  base256,
  END,
  entry,
  extended,
  header,
  padded,
  pax,
  records,
  tar,
  type RawHeader,
} from "../helpers/raw-tar.js";
import { chunked, sampleTar } from "../helpers/sample-archive.js";

type Read = TarEntry & { readonly body: string };

async function read(data: Buffer, onIrregular: OnIrregular = leniently, chunkSize = 64 * 1024): Promise<Read[]> {
  const entries: Read[] = [];
  let parts: Buffer[] = [];
  let current: TarEntry | undefined;
  await readTar(
    chunked(data, chunkSize),
    {
      entry: (one) => {
        current = one;
        parts = [];
      },
      data: (chunk) => void parts.push(chunk),
      end: () => {
        if (current) entries.push({ ...current, body: Buffer.concat(parts).toString("latin1") });
      },
    },
    onIrregular,
  );
  return entries;
}

async function first(data: Buffer, onIrregular: OnIrregular = leniently): Promise<Read> {
  const [one] = await read(data, onIrregular);
  if (one === undefined) throw new Error("there is no entry");
  return one;
}

/** What a bad archive is refused with. */
async function refusal(reading: Promise<unknown>): Promise<string> {
  try {
    await reading;
  } catch (error) {
    if (error instanceof HoldstillError && error.code === "bad-archive") return error.message;
    throw error;
  }
  return "nothing";
}

async function readWithTarStream(data: Buffer): Promise<string[]> {
  const seen: string[] = [];
  const reader = extract();
  reader.on("entry", ({ name, type, size, linkname, mode, uid, gid }, stream, next) => {
    seen.push([name.replace(/\/$/, ""), type, type === "file" ? size : 0, linkname ?? "", mode, uid, gid].join("|"));
    stream.on("end", next).resume();
  });
  const done = new Promise<void>((resolve, reject) => void reader.on("finish", resolve).on("error", reject));
  reader.end(data);
  await done;
  return seen;
}

function asTarStreamSays(one: TarEntry): string {
  const type = one.type === "hardlink" ? "link" : one.type;
  return [textOf(one.name), type, one.size, textOf(one.linkname), one.mode, one.uid, one.gid].join("|");
}

/** A pseudo-random number generator: the same numbers each time. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("readTar", () => {
  describe("our own archives", () => {
    it("are read the same whatever the chunks", async () => {
      const data = await sampleTar();
      const whole = await read(data, strictly, data.length);
      expect(whole).to.have.length(13);
      for (const size of [1, 511, 512, 513, 4096]) expect(await read(data, strictly, size)).to.deep.equal(whole);
    });

    it("are read as they were written: bytes of names, times in nanoseconds, large owners", async () => {
      const entries = await read(await sampleTar(), strictly);
      const named = (end: string): Read | undefined => entries.find(({ name }) => name.endsWith(end));
      expect(named("session.jsonl")).to.include({ uid: 70_000_000, mtimeNs: -1_500_000_000n, body: '{"n":1}\n' });
      expect(named("/raw-\xff\xfe")).to.include({ type: "file", mtimeNs: 1_790_000_000_123_456_789n });
      expect(named("/back\\slash")?.body).to.equal("x".repeat(700));
      expect(named("/latest")).to.include({ type: "symlink", linkname: "agents/\xff.jsonl" });
      expect(named("session.link")).to.include({ type: "hardlink", size: 0 });
      expect(named("/state")).to.include({ type: "directory", mode: 0o700 });
    });

    it("hand out bodies as slices of the chunks, not as copies", async () => {
      const data = tar(entry("file", "x".repeat(5000)));
      const parts: Buffer[] = [];
      await readTar(chunked(data, 2048), { entry: () => {}, data: (chunk) => void parts.push(chunk) }, strictly);
      expect(parts.map(({ length }) => length)).to.deep.equal([1536, 2048, 1416]);
      expect(parts.every(({ buffer }) => buffer === data.buffer)).to.equal(true);
    });

    it("are refused when they end anywhere before their end", async () => {
      const data = tar(pax({ path: "a", mtime: "1.5" }), entry("a", "x".repeat(700)), entry("b", "y"));
      for (let length = 0; length < data.length; length += length % 512 === 0 ? 1 : 511) {
        expect(await refusal(read(data.subarray(0, length), strictly)), `${length} bytes`).to.match(/damaged at byte/);
      }
      expect(await refusal(read(data, strictly))).to.equal("nothing");
    });
  });

  describe("what other programs write", () => {
    let directory: string;
    before(() => {
      directory = mkdtempSync(join(tmpdir(), "holdstill-read-"));
      const deep = join(directory, "tree", "d".repeat(90), "e".repeat(90));
      mkdirSync(deep, { recursive: true });
      writeFileSync(join(directory, "tree", "plain"), "plain\n");
      writeFileSync(join(directory, "tree", "big"), Buffer.alloc(70_000, "b"));
      linkSync(join(directory, "tree", "plain"), join(directory, "tree", "second"));
      symlinkSync("plain", join(directory, "tree", "symbolic"));
      chmodSync(join(directory, "tree", "plain"), 0o640);
      utimesSync(join(directory, "tree", "plain"), 1, 1_790_000_000.25);
    });
    after(() => rmSync(directory, { recursive: true }));

    const gnu = (format: string, ...options: string[]): Buffer =>
      execFileSync("tar", ["-C", directory, `--format=${format}`, ...options, "-cf", "-", "tree"], {
        stdio: ["ignore", "pipe", "ignore"],
      });

    for (const format of ["v7", "oldgnu", "gnu", "ustar", "posix"]) {
      it(`is read as tar-stream reads it: GNU tar, ${format}`, async () => {
        // Names over 99 bytes are too long for v7.
        const data = gnu(format, ...(format === "v7" ? ["--exclude=tree/ddd*"] : []));
        const entries = await read(data);
        expect(entries.map(({ name }) => name)).to.include.members(["tree", "tree/big", "tree/symbolic"]);
        // tar-stream refuses what has no magic.
        if (format !== "v7") expect(entries.map(asTarStreamSays)).to.deep.equal(await readWithTarStream(data));
        const plain = entries.find(({ body }) => body === "plain\n");
        expect(plain).to.include({
          mode: 0o640,
          mtimeNs: format === "posix" ? 1_790_000_000_250_000_000n : 1_790_000_000n * 1_000_000_000n,
        });
      });
    }

    it("is read: names over 200 bytes, in GNU's way and in PAX", async () => {
      const name = `tree/${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(50)}`;
      writeFileSync(join(directory, name), "deep");
      for (const format of ["gnu", "posix"]) {
        expect((await read(gnu(format))).find(({ body }) => body === "deep")?.name).to.equal(name);
      }
      rmSync(join(directory, name));
    });

    it("is read past the maps of GNU's sparse files", async () => {
      const path = join(directory, "tree", "sparse");
      execFileSync("sh", [
        "-c",
        'for i in 1 2 3 4 5 6 7 8 9 10 11 12; do truncate -s +1M "$1"; echo x >>"$1"; done',
        "-",
        path,
      ]);
      const entries = await read(gnu("gnu", "--sparse", "--sort=name"));
      rmSync(path);
      expect(entries.find(({ name }) => name === "tree/sparse")?.type).to.equal("other");
      expect(entries.at(-1)).to.include({ name: "tree/symbolic", type: "symlink" });
    });

    it("is read: PAX headers of bsdtar and of node-tar, with keys of their own", async () => {
      const bsd = pax({ ctime: "1.1", "SCHILY.fflags": "nodump", "LIBARCHIVE.xattr.user.a": "YQ", path: "p" });
      const node = pax({ "SCHILY.dev": "1", "SCHILY.ino": "2", mtime: "7.000000001", path: "q/" });
      const entries = await read(tar(bsd, entry("short", "1"), node, header({ name: "q/", typeflag: "5" })));
      expect(entries.map(({ name, type, mtimeNs }) => [name, type, mtimeNs])).to.deep.equal([
        ["p", "file", 1_000_000_000n],
        ["q", "directory", 7_000_000_001n],
      ]);
    });

    it("is read: global PAX headers, which last, and local ones, which do not", async () => {
      const global = extended(
        "g",
        records([
          ["uid", "7"],
          ["comment", "0123"],
        ]),
      );
      const entries = await read(tar(global, pax({ uid: "8" }), entry("a", ""), entry("b", "")));
      expect(entries.map(({ uid }) => uid)).to.deep.equal([8, 7]);
    });
  });

  describe("fields", () => {
    it("join the prefix of POSIX headers to the name, and not what GNU keeps in its place", async () => {
      expect((await first(tar(entry("b", "", { prefix: "a" })))).name).to.equal("a/b");
      expect((await first(tar(entry("b", "", { prefix: "a", magic: "ustar  \0" })))).name).to.equal("b");
    });

    it("may fill their space without a NUL", async () => {
      const name = "n".repeat(100);
      const linkname = "l".repeat(100);
      expect(await first(tar(entry(name, "", { linkname, typeflag: "2" })))).to.include({ name, linkname });
    });

    it("hold large and negative numbers in base 256", async () => {
      const { uid, mtimeNs } = await first(
        tar(entry("a", "", { uid: base256(2n ** 40n, 8), mtime: base256(-5n, 12) })),
      );
      expect([uid, mtimeNs]).to.deep.equal([2 ** 40, -5_000_000_000n]);
    });

    it("give times exactly, before the epoch too", async () => {
      const times = { "-0.000000001": -1n, "-3": -3_000_000_000n, "0.1": 100_000_000n, "1.9999999999": 1_999_999_999n };
      for (const [mtime, expected] of Object.entries(times)) {
        expect((await first(tar(pax({ mtime }), entry("a", "")))).mtimeNs, mtime).to.equal(expected);
      }
    });

    it("of PAX have precedence, the size too", async () => {
      const one = await first(tar(pax({ size: "3", linkpath: "x" }), header({ size: 0 }), padded("abc")));
      expect(one).to.include({ size: 3, body: "abc", linkname: "x" });
    });

    it("take names that are not UTF-8 from PAX and from GNU's headers as they are", async () => {
      const entries = await read(
        tar(pax({ path: "\xfe" }), entry("a", ""), extended("L", "\xff\0"), extended("K", "\xfd\0"), entry("b", "")),
      );
      expect(entries.map(({ name, linkname }) => [name, linkname])).to.deep.equal([
        ["\xfe", ""],
        ["\xff", "\xfd"],
      ]);
    });

    it("of directories before POSIX are told by a slash", async () => {
      const one = await first(tar(entry("old/", "", { magic: "", typeflag: "\0" })));
      expect(one).to.include({ type: "directory", name: "old" });
    });
  });

  describe("damage", () => {
    const bad: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
      "a wrong checksum": [tar(entry("a", "", { checksum: () => "000001\0 " })), /checksum is wrong/],
      "a mode that is no number": [tar(entry("a", "", { mode: "00x0644\0" })), /mode of a is not a number/],
      "a size beyond what can be": [tar(entry("a", "", { size: base256(2n ** 60n, 12) })), /size of an entry/],
      "a negative size": [tar(entry("a", "", { size: base256(-1n, 12) })), /size of an entry/],
      "a negative PAX size": [tar(pax({ size: "-1" }), entry("a", "")), /PAX size is not a number/],
      "a PAX time that is none": [tar(pax({ mtime: "1e9" }), entry("a", "")), /PAX mtime is not a time/],
      "a NUL in a PAX path": [tar(pax({ path: "a\0b" }), entry("a", "")), /PAX path holds a NUL/],
      "a PAX record without newline": [tar(extended("x", "9 path=ab"), entry("a", "")), /malformed/],
      "a PAX record of length 0": [tar(extended("x", "0 path=a\n"), entry("a", "")), /malformed/],
      "a PAX record longer than all": [tar(extended("x", "99 path=a\n"), entry("a", "")), /malformed/],
      "a PAX record without a key": [tar(extended("x", "8 patha\n"), entry("a", "")), /malformed/],
      "a PAX header that says 5 MiB": [tar(header({ typeflag: "x", size: 5 << 20 })), /larger than 4 MiB/],
      "a PAX header without an entry": [tar(pax({ path: "a" })), /belongs to no entry/],
      "an entry without a name": [tar(entry("", "")), /has no name/],
      "no end mark": [entry("a", ""), /ends before its end mark/],
      "something after its end": [Buffer.concat([tar(entry("a", "")), Buffer.from("x")]), /follows its end mark/],
      "nothing at all": [Buffer.alloc(0), /ends before its end mark/],
    };
    for (const [what, [data, message]] of Object.entries(bad)) {
      it(`is found leniently too: ${what}`, async () => {
        expect(await refusal(read(data))).to.match(message);
      });
    }

    it("is told with its place", async () => {
      const data = tar(entry("a", "1"), entry("b", "", { checksum: () => "000001\0 " }));
      expect(await refusal(read(data))).to.match(/at byte 1024 /);
    });

    it("of many bytes never hangs, and is no other error", async () => {
      const next = random(42);
      const sample = await sampleTar();
      let found = 0;
      for (let round = 0; round < 400; round++) {
        const data = Buffer.from(sample);
        for (let flips = 1 + next() * 8; flips > 0; flips--) data[Math.floor(next() * data.length)] = next() * 256;
        if ((await refusal(read(data, leniently, 1 + next() * 2000))) !== "nothing") found += 1;
      }
      expect(found).to.be.greaterThan(200);
    });

    it("is what random bytes are, under a right checksum too", async () => {
      const next = random(7);
      const noise = (length: number): Buffer => Buffer.from(Array.from({ length }, () => next() * 256));
      for (let round = 0; round < 200; round++) {
        const fields: RawHeader = {
          typeflag: "0125xgLKS"[Math.floor(next() * 9)] ?? "0",
          size: noise(12),
          uid: noise(8),
        };
        const data = Buffer.concat([header(fields), noise(Math.floor(next() * 3000))]);
        expect(await refusal(read(data)), `round ${round}`).to.match(/damaged at byte/);
      }
    });
  });

  describe("strictly", () => {
    const irregular: Readonly<Record<string, Buffer>> = {
      "a checksum written another way": tar(
        entry("a", "", { checksum: (sum) => `${sum.toString(8).padStart(7, "0")}\0` }),
      ),
      "padding that is not zero": tar(Buffer.concat([header({ size: 1 }), Buffer.alloc(512, "x")])),
      "one zero block at the end": Buffer.concat([entry("a", ""), Buffer.alloc(512)]),
      "half a block after the end": Buffer.concat([entry("a", ""), END, Buffer.alloc(100)]),
      "a FIFO": tar(entry("a", "", { typeflag: "6" })),
      "a link with a size": tar(header({ typeflag: "2", linkname: "b", size: 5 })),
      "a global header": tar(extended("g", records([["uid", "1"]])), entry("a", "")),
      "an unknown PAX key": tar(pax({ comment: "x" }), entry("a", "")),
      "an empty PAX value": tar(pax({ path: "" }), entry("a", "")),
      "a repeated PAX record": tar(
        extended(
          "x",
          records([
            ["uid", "1"],
            ["uid", "2"],
          ]),
        ),
        entry("a", ""),
      ),
      "two PAX paths that archiver would not have written": tar(
        extended(
          "x",
          records([
            ["path", "b"],
            ["path", "a"],
          ]),
        ),
        entry("a", ""),
      ),
      "a time finer than a nanosecond": tar(pax({ mtime: "1.0000000001" }), entry("a", "")),
      "two PAX headers": tar(pax({ uid: "1" }), pax({ gid: "1" }), entry("a", "")),
      "a name by GNU and by PAX": tar(extended("L", "b\0"), pax({ path: "a" }), entry("a", "")),
      "a long name with something behind it": tar(extended("L", "b\0c"), entry("a", "")),
    };
    for (const [what, data] of Object.entries(irregular)) {
      it(`is refused what is readable otherwise: ${what}`, async () => {
        expect(await refusal(read(data))).to.equal("nothing");
        expect(await refusal(read(data, strictly))).to.match(/damaged at byte/);
      });
    }

    it("lets pass the path that archiver mends before ours", async () => {
      const twice = records([
        ["path", "a/b"],
        ["path", "a\\b"],
      ]);
      expect((await first(tar(extended("x", twice), entry("a", "")), strictly)).name).to.equal("a\\b");
    });
  });

  it("waits for the visitor, and lets go of the chunks when it throws", async () => {
    const order: string[] = [];
    async function* chunks(): AsyncGenerator<Buffer> {
      try {
        yield tar(entry("a", "1"), entry("b", "2"));
        order.push("asked for more");
      } finally {
        order.push("closed");
      }
    }
    const visit = async ({ name }: TarEntry): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      order.push(name);
      if (name === "b") throw new Error("enough");
    };
    const failure = await readTar(
      chunks(),
      { entry: visit, data: (chunk) => void order.push(String(chunk)) },
      strictly,
    ).catch(String);
    expect(failure).to.equal("Error: enough");
    expect(order).to.deep.equal(["a", "1", "b", "closed"]);
  });
});
