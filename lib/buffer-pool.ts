/** What is larger is not worth it. */
const SLAB = 1 << 20;

interface Slab {
  readonly bytes: Buffer;
  /** From here on nothing was taken. */
  used: number;
  /** The sizes of what is out, by where it begins. */
  readonly out: Map<number, number>;
}

const slabs = new WeakMap<ArrayBufferLike, Slab>();
const idle: Slab[] = [];
let current: Slab | undefined;

/**
 * A buffer that holds anything, for one that is given back: for every 32 MB of new ones V8 would look through all that
 * a run holds. Small ones are cut from slabs of 1 MiB. One that is never given back costs its slab, and no more.
 */
export function takeBuffer(size: number): Buffer {
  if (size === 0 || size > SLAB) return Buffer.allocUnsafe(size);
  const slab = slabFor(size);
  const offset = slab.used;
  slab.used += size;
  slab.out.set(offset, size);
  return slab.bytes.subarray(offset, offset + size);
}

/** For a buffer that nobody will look into any more. One that was not taken, or is only a part of one, is let be. */
export function giveBuffer({ buffer, byteOffset, length }: Buffer): void {
  const slab = slabs.get(buffer);
  if (slab?.out.get(byteOffset) !== length) return;
  slab.out.delete(byteOffset);
  if (slab.out.size === 0 && slab !== current) idle.push(slab);
}

function slabFor(size: number): Slab {
  if (current !== undefined && current.used + size <= SLAB) return current;
  if (current?.out.size === 0) idle.push(current);
  current = idle.pop() ?? newSlab();
  current.used = 0;
  return current;
}

function newSlab(): Slab {
  const slab: Slab = { bytes: Buffer.allocUnsafeSlow(SLAB), used: 0, out: new Map() };
  slabs.set(slab.bytes.buffer, slab);
  return slab;
}
