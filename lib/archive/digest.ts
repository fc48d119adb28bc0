import { createHash, hash, type Hash } from "node:crypto";

/** The sha256 of bodies, one after the other. */
export interface Digester {
  readonly begin: (size: number) => void;
  readonly update: (chunk: Buffer) => void;
  readonly end: () => Buffer;
}

/** Most bodies are small and lie in one chunk: hashing them without a stream takes half the time. */
export function digester(): Digester {
  let size = 0;
  let whole: Buffer | undefined;
  let stream: Hash | undefined;
  return {
    begin(expected) {
      size = expected;
      whole = undefined;
      stream = undefined;
    },
    update(chunk) {
      if (chunk.length === size) {
        whole = hash("sha256", chunk, "buffer");
        return;
      }
      stream ??= createHash("sha256");
      stream.update(chunk);
    },
    end: () => whole ?? stream?.digest() ?? hash("sha256", "", "buffer"),
  };
}
