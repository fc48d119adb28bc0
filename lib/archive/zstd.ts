import type { Duplex } from "node:stream";
import zlib from "node:zlib";
import { HoldstillError } from "../errors.js";
import { disk, type Filesystem } from "../filesystem.js";
import { findProgram } from "../find-program.js";
import { throughProgram } from "./through-program.js";
import { throughZlib } from "./through-zlib.js";

export type ZstdEngine = "zlib" | "program";

const OUTPUT = 256 * 1024;

/**
 * What this machine has for zstd: Node's own zlib (from Node 22.15), else the program `zstd` in one of the
 * directories of `path` (the PATH, colons and all), else nothing.
 */
export function findZstd(path: string | undefined, fs: Filesystem = disk): ZstdEngine | undefined {
  if ("createZstdCompress" in zlib) return "zlib";
  return findProgram(fs, "zstd", path) === undefined ? undefined : "program";
}

/** Compresses to one zstd frame with a checksum of its content. Small writes cost it twice the time. */
export function zstdCompressor(level: number, engine: ZstdEngine): Duplex {
  const failure = (reason: string, cause?: Error) => new HoldstillError("io", `zstd failed: ${reason}`, { cause });
  if (engine === "program") {
    const args = ["-T0", `-${String(level)}`, "--check", "-q", "-c"];
    return throughProgram("zstd", args, failure);
  }
  // Worker threads (ZSTD_c_nbWorkers) are left alone: in Node they yield empty or endless output.
  const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = zlib.constants;
  const params = { [ZSTD_c_compressionLevel]: level, [ZSTD_c_checksumFlag]: 1 };
  const open = () => zlib.createZstdCompress({ params, chunkSize: OUTPUT });
  return throughZlib(open, (cause) => failure(cause.message, cause));
}

/** Reads one frame or several; `failure` makes the error for what is no sound zstd. */
export function zstdDecompressor(engine: ZstdEngine, failure: (reason: string, cause?: Error) => Error): Duplex {
  if (engine === "program") return throughProgram("zstd", ["-d", "-c", "-q"], (said) => failure(plain(said)));
  return throughZlib(
    () => zlib.createZstdDecompress({ chunkSize: OUTPUT }),
    (cause) => failure(cause.message, cause),
  );
}

/** zstd's message without what it calls its input: `zstd: /*stdin*\: unknown header`. */
function plain(said: string): string {
  return said.replace(/^(?:zstd: )?\/\*stdin\*\\ ?: /, "");
}
