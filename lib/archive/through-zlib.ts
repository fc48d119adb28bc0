import { Duplex, type Transform } from "node:stream";
import { giveBuffer } from "../buffer-pool.js";

/** One of zlib's streams. `bytesWritten` is what it has consumed, which is less than it was given when it stops early. */
export type ZlibStream = Transform & { readonly bytesWritten: number };

/**
 * A stream through zlib that goes on where zlib stops. Node's zstd decompressor ends at the first frame when the next
 * begins in the same chunk, and its gunzip takes trailing zeros for padding; neither says so. Here what is left over
 * goes to a fresh stream from `open`, which reads it or fails.
 */
export function throughZlib(open: () => ZlibStream, failure: (cause: Error) => Error): Duplex {
  let zlib: ZlibStream;
  let given: number;
  let last: { readonly block: Buffer; readonly next: () => void } | undefined;

  function start(): void {
    const opened = open();
    zlib = opened;
    given = 0;
    opened.on("data", (data: Buffer) => {
      if (!duplex.push(data)) opened.pause();
    });
    opened.on("error", (error: Error) => duplex.destroy(failure(error)));
    opened.on("end", () => {
      const left = given - opened.bytesWritten;
      if (last === undefined || left === 0) return void duplex.push(null);
      opened.destroy();
      start();
      send(last.block.subarray(-left), last.next);
    });
  }

  function send(block: Buffer, next: () => void): void {
    const writtenTo = zlib;
    last = { block, next };
    given += block.length;
    writtenTo.write(block, (error) => {
      // An error is dealt with as an event; so is a stream that stopped early, which calls back before its end or after
      // it or, with its output still unread, not at all.
      if (error || zlib !== writtenTo || given > zlib.bytesWritten) return;
      giveBuffer(block);
      next();
    });
  }

  const duplex = new Duplex({
    write: (chunk: Buffer, _encoding, done) => send(chunk, done),
    final: (done) => {
      zlib.end();
      done();
    },
    read: () => void zlib.resume(),
    destroy: (error, done) => {
      zlib.destroy();
      done(error);
    },
  });
  start();
  return duplex;
}
