/** Bytes on demand, from chunks as they come. */
export interface Pull {
  /** How many bytes were taken so far. */
  readonly position: () => number;
  /** Exactly so many bytes, if the chunk at hand holds them: a slice of it. */
  readonly slice: (length: number) => Buffer | undefined;
  /** So many bytes, put together from several chunks if need be; undefined where there are fewer. */
  readonly gather: (length: number) => Promise<Buffer | undefined>;
  /** What the chunk at hand holds, at most so many bytes; undefined where it is used up. */
  readonly some: (most: number) => Buffer | undefined;
  /** Fetches the next chunk: for when the one at hand is used up. False at the end. */
  readonly more: () => Promise<boolean>;
  /** To be called at last: lets go of the chunks, read or not. */
  readonly close: () => Promise<void>;
}

/** What can be had of the chunk at hand is had without a promise: an archive has many more blocks than chunks. */
export function pull(chunks: AsyncIterable<Buffer>): Pull {
  const iterator = chunks[Symbol.asyncIterator]();
  let chunk: Buffer = Buffer.alloc(0);
  let offset = 0;
  let before = 0;

  const slice = (length: number): Buffer | undefined => {
    const end = offset + length;
    if (end > chunk.length) return undefined;
    const taken = chunk.subarray(offset, end);
    offset = end;
    return taken;
  };
  const some = (most: number): Buffer | undefined =>
    offset === chunk.length ? undefined : slice(Math.min(most, chunk.length - offset));
  const more = async (): Promise<boolean> => {
    const next = await iterator.next();
    if (next.done === true) return false;
    before += chunk.length;
    chunk = next.value;
    offset = 0;
    return true;
  };

  return {
    position: () => before + offset,
    slice,
    some,
    more,
    async gather(length) {
      const parts: Buffer[] = [];
      for (let left = length; left > 0;) {
        const part = some(left);
        if (part !== undefined) {
          parts.push(part);
          left -= part.length;
        } else if (!(await more())) {
          return undefined;
        }
      }
      return Buffer.concat(parts);
    },
    async close() {
      await iterator.return?.();
    },
  };
}
