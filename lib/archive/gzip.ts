import { availableParallelism } from "node:os";
import { Transform } from "node:stream";
import { promisify } from "node:util";
import zlib from "node:zlib";
import { giveBuffer } from "../buffer-pool.js";
import { gather } from "./gather.js";

/** The ten bytes every archive of ours begins with: deflate, no flags, no time, made on Unix. */
export const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);

const BLOCK = 512 * 1024;
const WINDOW = 32 * 1024;
/** A last block without a byte in it, which ends the deflate stream. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);
/** libuv's pool has four threads; one block more waits its turn, so that none of them does. */
const IN_FLIGHT = Math.min(availableParallelism(), 4) + 1;

const deflateRaw = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.deflateRaw);

/**
 * A gzip file of one member. Its blocks are deflated side by side: each ends at a byte (a sync flush) and starts with
 * the 32 KiB before it as its dictionary, so together they are one deflate stream. Several members would be simpler,
 * but Python's `tarfile` in stream mode, Perl and web streams read only the first.
 */
export function gzip(level: number): Transform {
  const blocks = gather(BLOCK);
  const inFlight: Promise<Buffer>[] = [];
  let before: Buffer | undefined;
  let crc = 0;
  let size = 0;

  function start(block: Buffer): void {
    const dictionary = before?.subarray(-WINDOW);
    const deflated = deflateRaw(block, {
      level,
      chunkSize: BLOCK,
      finishFlush: zlib.constants.Z_SYNC_FLUSH,
      ...(dictionary === undefined ? {} : { dictionary }),
    });
    // Reported when its turn comes; until then it must not count as unhandled.
    deflated.catch(() => undefined);
    inFlight.push(deflated);
    crc = zlib.crc32(block, crc);
    size = (size + block.length) % 2 ** 32;
    before = block;
  }

  function finishOldest(next: () => void): void {
    const oldest = inFlight.shift();
    if (oldest === undefined) return next();
    oldest.then(
      (deflated) => {
        stream.push(deflated);
        next();
      },
      (error: unknown) => stream.destroy(error as Error),
    );
  }

  function send(block: Buffer, next: () => void): void {
    start(block);
    if (inFlight.length < IN_FLIGHT) next();
    else finishOldest(next);
  }

  function finishAll(done: () => void): void {
    if (inFlight.length === 0) done();
    else finishOldest(() => finishAll(done));
  }

  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const full = blocks.add(chunk);
      giveBuffer(chunk);
      sendAll(full, send, done);
    },
    flush: (done) =>
      sendAll(blocks.rest(), send, () =>
        finishAll(() => {
          const trailer = Buffer.alloc(8);
          trailer.writeUInt32LE(crc, 0);
          trailer.writeUInt32LE(size, 4);
          done(null, Buffer.concat([LAST_BLOCK, trailer]));
        }),
      ),
  });
  stream.push(GZIP_HEADER);
  return stream;
}

/** Hands over one block after the other; `send` calls `next` when it can take another. */
function sendAll(
  blocks: readonly Buffer[],
  send: (block: Buffer, next: () => void) => void,
  done: () => void,
  index = 0,
): void {
  const block = blocks[index];
  if (block === undefined) return done();
  send(block, () => sendAll(blocks, send, done, index + 1));
}
