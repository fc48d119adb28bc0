import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Readable, type Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import { expect } from "chai";
import {
  chooseCompression,
  compressor,
  containerProblem,
  decompressor,
  findZstd,
  recognise,
  type Compression,
  type CompressionChoice,
  type ZstdEngine,
} from "../../lib/archive/compress.js";
import { HoldstillError } from "../../lib/errors.js";

const KIB = 1024;
const MIB = KIB * KIB;

async function through(stream: Duplex, ...chunks: readonly Uint8Array[]): Promise<Buffer> {
  const [output] = await Promise.all([buffer(stream), pipeline(Readable.from(chunks, { objectMode: false }), stream)]);
  return output;
}

async function failureOf(work: Promise<unknown>): Promise<HoldstillError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(HoldstillError);
  return error as HoldstillError;
}

function usageError(work: () => unknown): HoldstillError {
  try {
    work();
  } catch (error) {
    expect(error).to.be.instanceOf(HoldstillError).with.property("code", "usage");
    return error as HoldstillError;
  }
  throw new Error("nothing was thrown");
}

/** Text that compresses about as sessions do, the same on every run. */
function chat(size: number): Buffer {
  const lines: string[] = [];
  let state = 1;
  for (let length = 0; length < size;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const line = JSON.stringify({
      id: state.toString(16),
      role: state & 64 ? "user" : "assistant",
      text: `said ${String(state % 977)}`,
    });
    lines.push(line);
    length += line.length + 1;
  }
  return Buffer.from(lines.join("\n") + "\n").subarray(0, size);
}

function has(program: string): boolean {
  return spawnSync(program, ["--version"]).error === undefined;
}

function choice(format: Compression, engine?: ZstdEngine): CompressionChoice {
  return chooseCompression(format, undefined, engine);
}

const engines: ZstdEngine[] = [];
if ("createZstdCompress" in zlib) engines.push("zlib");
if (has("zstd")) engines.push("program");

const formats: { readonly format: Compression; readonly engine?: ZstdEngine; readonly name: string }[] = [
  { format: "none", name: "none" },
  { format: "gzip", name: "gzip" },
  ...engines.map((engine) => ({ format: "zstd", engine, name: `zstd by ${engine}` }) as const),
];

describe("compression", () => {
  let directory: string;
  let tar: Buffer;

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "holdstill-compress-"));
    mkdirSync(join(directory, "tree"));
    writeFileSync(join(directory, "tree", "session.jsonl"), chat(12 * KIB));
    execFileSync("tar", ["-cf", "t.tar", "tree"], { cwd: directory });
    tar = readFileSync(join(directory, "t.tar"));
  });

  after(() => rmSync(directory, { recursive: true }));

  describe("choosing", () => {
    it("takes zstd for auto where there is an engine", () => {
      expect(chooseCompression("auto", undefined, "program")).to.deep.equal({
        format: "zstd",
        level: 3,
        engine: "program",
      });
    });

    it("takes gzip for auto where there is none, and says so", () => {
      const chosen = chooseCompression("auto", undefined, undefined);
      expect(chosen).to.include({ format: "gzip", level: 6, engine: undefined });
      expect(chosen.note).to.match(/zstd is not available.*gzip/);
    });

    it("says nothing where gzip was asked for", () => {
      expect(chooseCompression("gzip", 9, "zlib")).to.deep.equal({ format: "gzip", level: 9, engine: undefined });
    });

    it("refuses zstd where there is no engine", () => {
      expect(usageError(() => chooseCompression("zstd", 3, undefined)).hint).to.contain("--compress gzip");
    });

    for (const [format, level] of [
      ["zstd", 0],
      ["zstd", 20],
      ["zstd", 2.5],
      ["gzip", 10],
      ["none", 1],
      ["auto", -1],
    ] as const) {
      it(`refuses level ${String(level)} for ${format}`, () => {
        expect(usageError(() => chooseCompression(format, level, "zlib")).hint).to.contain("--level");
      });
    }
  });

  describe("finding zstd", () => {
    before(function () {
      if (engines.includes("zlib")) this.skip();
    });

    it("finds the program in PATH, and only where it can be run", () => {
      const [empty, plain, runnable] = ["empty", "plain", "runnable"].map((name) => join(directory, name)) as [
        string,
        string,
        string,
      ];
      for (const path of [empty, plain, runnable]) mkdirSync(path);
      writeFileSync(join(plain, "zstd"), "", { mode: 0o600 });
      writeFileSync(join(runnable, "zstd"), "", { mode: 0o700 });
      mkdirSync(join(empty, "zstd"));
      expect(findZstd([empty, plain, "/no/such/directory", ""].join(delimiter))).to.equal(undefined);
      expect(findZstd([empty, plain, runnable].join(delimiter))).to.equal("program");
      expect(findZstd(undefined)).to.equal(undefined);
    });
  });

  describe("recognising", () => {
    for (const { format, engine, name } of formats) {
      it(`knows its own output: ${name}`, async () => {
        expect(recognise(await through(compressor(choice(format, engine)), tar))).to.equal(format);
      });
    }

    it("knows a zstd file that begins with a skippable frame", () => {
      expect(recognise(Buffer.from("5a2a4d1800000000", "hex"))).to.equal("zstd");
    });

    it("knows a tar from before ustar by its checksum", () => {
      execFileSync("tar", ["--format=v7", "-cf", "v7.tar", "tree"], { cwd: directory });
      const old = readFileSync(join(directory, "v7.tar")).subarray(0, 512);
      expect(recognise(old)).to.equal("none");
      old.writeUInt8(old.readUInt8(0) ^ 1, 0);
      expect(recognise(old)).to.equal(undefined);
    });

    for (const [name, head] of Object.entries({
      nothing: "",
      text: "plain text\n".repeat(60),
      zeros: "\0".repeat(1024),
      "a short head": "\x28\xb5",
    })) {
      it(`does not know ${name}`, () => {
        expect(recognise(Buffer.from(head, "latin1"))).to.equal(undefined);
      });
    }
  });

  for (const { format, engine, name } of formats) {
    describe(name, () => {
      const packed = (...chunks: readonly Uint8Array[]) => through(compressor(choice(format, engine)), ...chunks);
      const unpacked = (...chunks: readonly Uint8Array[]) => through(decompressor(format, engine), ...chunks);

      for (const size of [1, 512 * KIB, 512 * KIB + 1, MIB, 5 * MIB + 7]) {
        it(`gives back ${String(size)} bytes`, async () => {
          const data = chat(size);
          expect((await unpacked(await packed(data))).equals(data)).to.equal(true);
        });
      }

      it("gives back what came in writes of odd sizes", async () => {
        const data = chat(3 * MIB);
        const chunks: Buffer[] = [];
        for (let at = 0, size = 1; at < data.length; at += size, size = (size * 7) % 70_001)
          chunks.push(data.subarray(at, at + size));
        expect((await unpacked(await packed(...chunks))).equals(data)).to.equal(true);
      });

      if (format === "none") return;

      it("gives back nothing for nothing", async () => {
        expect(await unpacked(await packed())).to.have.length(0);
      });

      it("is the same file each time", async () => {
        expect((await packed(tar)).equals(await packed(tar))).to.equal(true);
      });

      it("writes a header that it calls sound, at every level", async () => {
        for (const level of format === "zstd" ? [1, 2, 3, 9, 13, 19] : [1, 6, 9]) {
          const archive = await through(compressor(chooseCompression(format, level, engine)), tar);
          expect(containerProblem(format, archive.subarray(0, 512)), String(level)).to.equal(undefined);
        }
      });

      it("reads several files in one, wherever the reads end", async () => {
        const one = await packed(tar);
        const whole = Buffer.concat([one, one, one]);
        const expected = Buffer.concat([tar, tar, tar]);
        for (const size of [whole.length, one.length, one.length + 1, one.length - 1, 1000]) {
          const chunks: Buffer[] = [];
          for (let at = 0; at < whole.length; at += size) chunks.push(whole.subarray(at, at + size));
          expect((await unpacked(...chunks)).equals(expected), String(size)).to.equal(true);
        }
      });

      it("reads several files in one, each larger than what is read ahead", async () => {
        const data = chat(2 * MIB);
        const one = await packed(data);
        expect((await unpacked(Buffer.concat([one, one]))).equals(Buffer.concat([data, data]))).to.equal(true);
      });

      it("refuses nothing at all", async () => {
        expect((await failureOf(unpacked())).code).to.equal("bad-archive");
      });

      it("refuses a file that ends early", async () => {
        const archive = await packed(tar);
        for (const length of [1, 3, 5, 12, 1000, archive.length - 8, archive.length - 1]) {
          const error = await failureOf(unpacked(archive.subarray(0, length)));
          expect(error.code, String(length)).to.equal("bad-archive");
        }
      });

      it("refuses whatever follows the end", async () => {
        const archive = await packed(tar);
        for (const garbage of [
          Buffer.alloc(1),
          Buffer.alloc(1024),
          Buffer.from("garbage"),
          archive.subarray(0, 1),
          archive.subarray(0, 9),
        ]) {
          for (const chunks of [[archive, garbage], [Buffer.concat([archive, garbage])]]) {
            expect((await failureOf(unpacked(...chunks))).code).to.equal("bad-archive");
          }
        }
      });

      it("finds every flipped byte that changes the content, and every one in the header", async function () {
        this.timeout(30_000);
        const archive = await packed(tar);
        // A process for each flip is dear.
        const step = engine === "program" ? 97 : 1;
        const header = format === "gzip" ? 10 : 6;
        const unnoticed: number[] = [];
        for (let at = 0; at < archive.length; at += at < 16 ? 1 : step) {
          for (const mask of [0xff, 0x01]) {
            const damaged = Buffer.from(archive);
            damaged.writeUInt8(damaged.readUInt8(at) ^ mask, at);
            if (containerProblem(format, damaged) !== undefined) continue;
            const content = await unpacked(damaged).catch((error: unknown) => {
              expect(error).to.be.instanceOf(HoldstillError).with.property("code", "bad-archive");
              return undefined;
            });
            if (content === undefined) continue;
            // Both formats can say the same bytes in several ways, so a few flips change nothing but the file.
            expect(content.equals(tar), `byte ${String(at)}`).to.equal(true);
            unnoticed.push(at);
          }
        }
        expect(unnoticed.filter((at) => at < header || at >= archive.length - 4)).to.deep.equal([]);
        expect(unnoticed.length).to.be.at.most(archive.length / 100);
      });
    });
  }

  describe("gzip for other readers", () => {
    let archive: string;
    let data: Buffer;

    before(async () => {
      writeFileSync(join(directory, "tree", "long.jsonl"), chat(3 * MIB));
      execFileSync("tar", ["-cf", "long.tar", "tree"], { cwd: directory });
      data = readFileSync(join(directory, "long.tar"));
      archive = join(directory, "long.tar.gz");
      writeFileSync(archive, await through(compressor(choice("gzip")), data));
    });

    const python = "import sys, gzip; sys.stdout.buffer.write(gzip.open(sys.argv[1]).read())";
    for (const [program, ...args] of [
      ["gzip", "-dc"],
      ["pigz", "-dc"],
      ["python3", "-c", python],
    ] as const) {
      it(`is read by ${program}`, function () {
        if (!has(program)) this.skip();
        const read = execFileSync(program, [...args, archive], { maxBuffer: 16 * MIB });
        expect(read.equals(data)).to.equal(true);
      });
    }

    it("is read to the end by Python's tarfile in stream mode", function () {
      if (!has("python3")) this.skip();
      const script = "import sys, tarfile\nfor m in tarfile.open(sys.argv[1], 'r|gz'): print(m.name, m.size)";
      const listed = execFileSync("python3", ["-c", script, archive], { encoding: "utf8" });
      expect(listed.trim().split("\n")).to.have.members([
        "tree 0",
        `tree/session.jsonl ${String(12 * KIB)}`,
        `tree/long.jsonl ${String(3 * MIB)}`,
      ]);
    });

    it("is read by Node's gunzip and by a DecompressionStream, which takes one member only", async () => {
      const bytes = readFileSync(archive);
      expect(zlib.gunzipSync(bytes).equals(data)).to.equal(true);
      const web = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      expect(Buffer.from(await new Response(web).arrayBuffer()).equals(data)).to.equal(true);
    });

    it("is empty for all of them where there was nothing", async () => {
      const empty = await through(compressor(choice("gzip")));
      expect(zlib.gunzipSync(empty)).to.have.length(0);
      expect(execFileSync("gzip", ["-dc"], { input: empty })).to.have.length(0);
    });
  });

  describe("the zstd program", () => {
    const { PATH } = process.env;

    afterEach(() => {
      process.env["PATH"] = PATH;
    });

    /** Puts a program named zstd in front of the PATH. */
    function zstdIs(script: string): void {
      const bin = mkdtempSync(join(directory, "bin-"));
      writeFileSync(join(bin, "zstd"), `#!/bin/sh\n${script}\n`);
      chmodSync(join(bin, "zstd"), 0o755);
      process.env["PATH"] = `${bin}${delimiter}${PATH ?? ""}`;
    }

    it("fails with what it said, though its input broke first", async () => {
      zstdIs("exec 0<&-; echo 'zstd: no memory left' >&2; exit 3");
      const error = await failureOf(through(compressor(choice("zstd", "program")), chat(4 * MIB)));
      expect(error.code).to.equal("io");
      expect(error.message).to.contain("no memory left");
    });

    it("fails when it ends well before its input does", async () => {
      zstdIs("exit 0");
      const error = await failureOf(through(compressor(choice("zstd", "program")), chat(4 * MIB)));
      expect(error.code).to.equal("io");
    });

    it("does not call an archive bad because it was killed", async () => {
      zstdIs("kill -9 $$");
      expect((await failureOf(through(decompressor("zstd", "program"), tar))).code).to.equal("io");
    });

    it("fails when it is not there", async () => {
      process.env["PATH"] = directory;
      expect((await failureOf(through(compressor(choice("zstd", "program")), tar))).code).to.equal("io");
    });

    it("is gone once the stream is destroyed", async () => {
      zstdIs("echo $$; exec cat");
      const stream = compressor(choice("zstd", "program"));
      const [first] = (await once(stream, "data")) as [Buffer];
      const pid = Number(first.toString());
      expect(process.kill(pid, 0)).to.equal(true);
      stream.destroy();
      await once(stream, "close");
      expect(() => process.kill(pid, 0)).to.throw("ESRCH");
    });

    it("is a session of its own, which the terminal's Ctrl-C does not reach", async () => {
      zstdIs("cat > /dev/null; ps -o sid= -p $$; echo $$");
      const [session, pid] = (await through(compressor(choice("zstd", "program")))).toString().trim().split(/\s+/);
      expect(session).to.equal(pid);
    });
  });

  for (const { format, engine, name } of formats) {
    it(`can be given up at any time: ${name}`, async () => {
      for (const stream of [compressor(choice(format, engine)), decompressor(format, engine)]) {
        const error = new Error("given up");
        const given = pipeline(Readable.from([tar, tar]), stream);
        stream.destroy(error);
        expect(await given.catch((reason: unknown) => reason)).to.equal(error);
        expect(stream.closed).to.equal(true);
      }
    });
  }

  it("cannot decompress zstd where there is no engine", () => {
    expect(usageError(() => decompressor("zstd", undefined)).hint).to.contain("nstall zstd");
  });
});
