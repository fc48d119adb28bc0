import { PassThrough, type Duplex } from "node:stream";
import zlib from "node:zlib";
import { HoldstillError, isErrno } from "../errors.js";
import { gzip } from "./gzip.js";
import { throughZlib } from "./through-zlib.js";
import { zstdCompressor, zstdDecompressor, type ZstdEngine } from "./zstd.js";

export { containerProblem, recognise } from "./container.js";
export { findZstd, type ZstdEngine } from "./zstd.js";

export type Compression = "zstd" | "gzip" | "none";

export interface CompressionChoice {
  readonly format: Compression;
  /** 0 where the format has no levels. */
  readonly level: number;
  /** For zstd only. */
  readonly engine: ZstdEngine | undefined;
  /** What the user should know, as a sentence: that `auto` had to take gzip. */
  readonly note?: string;
}

const OUTPUT = 256 * 1024;

const LEVELS = { zstd: { highest: 19, default: 3 }, gzip: { highest: 9, default: 6 } } as const;

/**
 * Settles what to compress with. Fails with "usage" when zstd is asked for and not to be had, and when the level is
 * not one of the format that is taken.
 */
export function chooseCompression(
  asked: "auto" | Compression,
  level: number | undefined,
  engine: ZstdEngine | undefined,
): CompressionChoice {
  if (asked === "none") {
    if (level === undefined) return { format: "none", level: 0, engine: undefined };
    throw new HoldstillError("usage", "an archive that is not compressed has no level", {
      hint: "Leave out --level, or choose zstd or gzip with --compress.",
    });
  }
  if (asked === "gzip") return { format: "gzip", level: levelOf("gzip", level), engine: undefined };
  if (engine !== undefined) return { format: "zstd", level: levelOf("zstd", level), engine };
  if (asked === "zstd") throw noZstd("Choose --compress gzip, or install zstd, or use Node 22.16 or newer.");
  return {
    format: "gzip",
    level: levelOf("gzip", level),
    engine: undefined,
    note: "zstd is not available here, so the archive is compressed with gzip.",
  };
}

function levelOf(format: keyof typeof LEVELS, level: number | undefined): number {
  const { highest, default: usual } = LEVELS[format];
  if (level === undefined) return usual;
  if (Number.isInteger(level) && level >= 1 && level <= highest) return level;
  throw new HoldstillError("usage", `the level of ${format} is 1 to ${String(highest)}, not ${String(level)}`, {
    hint: `Leave out --level for the usual one, ${String(usual)}.`,
  });
}

function noZstd(hint: string): HoldstillError {
  return new HoldstillError("usage", "zstd is not available here: Node has none, and there is no program in PATH", {
    hint,
  });
}

/** A stream that takes a tar, in writes of any size, and gives the compressed file. */
export function compressor(choice: CompressionChoice): Duplex {
  if (choice.format === "none") return new PassThrough();
  if (choice.format === "gzip") return gzip(choice.level);
  if (choice.engine === undefined) throw noZstd("Install zstd, or use Node 22.16 or newer.");
  return zstdCompressor(choice.level, choice.engine);
}

/**
 * A stream that takes the compressed file and gives the tar. It fails with "bad-archive" where the file is damaged,
 * ends early, or goes on after its end; throws "usage" at once where zstd is needed and not to be had.
 */
export function decompressor(format: Compression, engine: ZstdEngine | undefined): Duplex {
  if (format === "none") return new PassThrough();
  if (format === "gzip")
    return throughZlib(
      () => zlib.createGunzip({ chunkSize: OUTPUT }),
      (cause) => damaged(cause.message, cause),
    );
  if (engine === undefined) throw noZstd("Install zstd, or use Node 22.16 or newer.");
  return zstdDecompressor(engine, damaged);
}

function damaged(reason: string, cause?: Error): Error {
  if (isErrno(cause, "Z_MEM_ERROR", "ZSTD_error_memory_allocation")) {
    return new HoldstillError("io", "there is not enough memory to decompress the archive", { cause });
  }
  return new HoldstillError("bad-archive", `the archive is damaged: ${reason}`, { cause });
}
