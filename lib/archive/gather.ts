/** Bytes on their way in, made into blocks that are worth handing on. */
export interface Gatherer {
  /** The blocks that this chunk completes, in order. */
  readonly add: (chunk: Buffer) => readonly Buffer[];
  /** What is left when nothing more comes: no block or one. */
  readonly rest: () => readonly Buffer[];
}

const NONE: readonly Buffer[] = [];

/** Blocks of exactly `size` bytes. They are copies, so what they are made of may be used again at once. */
export function gather(
  size: number,
  allocate: (size: number) => Buffer = (length) => Buffer.allocUnsafe(length),
): Gatherer {
  let block = allocate(size);
  let filled = 0;
  return {
    add: (chunk) => {
      if (filled + chunk.length < size) {
        filled += chunk.copy(block, filled);
        return NONE;
      }
      const full: Buffer[] = [];
      for (let offset = 0; offset < chunk.length;) {
        const taken = chunk.copy(block, filled, offset);
        filled += taken;
        offset += taken;
        if (filled < size) continue;
        full.push(block);
        block = allocate(size);
        filled = 0;
      }
      return full;
    },
    rest: () => (filled === 0 ? [] : [block.subarray(0, filled)]),
  };
}
