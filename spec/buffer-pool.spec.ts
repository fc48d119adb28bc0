import { expect } from "chai";
import { giveBuffer, takeBuffer } from "../lib/buffer-pool.js";

const SLAB = 1 << 20;

/** So many slabs, one after the other, as what there was before is used up. */
function slabs(count: number): Buffer[] {
  return Array.from({ length: count }, () => takeBuffer(SLAB));
}

function memoryOf(buffers: readonly Buffer[]): ArrayBufferLike[] {
  return buffers.map(({ buffer }) => buffer);
}

describe("buffers that are used again", () => {
  it("are as long as was asked for, and share no byte while they are out", () => {
    const sizes = [1, 0, 4096, SLAB, 7, SLAB + 1, SLAB - 7, 512];
    const out = sizes.map((size, index) => takeBuffer(size).fill(index));
    for (const [index, buffer] of out.entries()) {
      expect(buffer.length).to.equal(sizes[index]);
      expect(buffer.every((byte) => byte === index)).to.equal(true);
    }
    out.forEach(giveBuffer);
  });

  it("are those that were given back", () => {
    const out = slabs(3);
    out.forEach(giveBuffer);
    const again = slabs(4);
    expect(memoryOf(again)).to.include.members(memoryOf(out));
    again.forEach(giveBuffer);
  });

  it("are none of which a part is still out, or was given back alone", () => {
    const [half, other] = [takeBuffer(SLAB / 2), takeBuffer(SLAB / 2)];
    const [whole = half] = slabs(1);
    giveBuffer(half);
    giveBuffer(whole.subarray(0, 9));
    const again = slabs(8);
    expect(memoryOf(again)).to.not.include.members([half.buffer]).and.not.include.members([whole.buffer]);
    again.forEach(giveBuffer);
    giveBuffer(other);
    giveBuffer(whole);
  });

  it("are none that nobody took", () => {
    const foreign = Buffer.alloc(SLAB);
    giveBuffer(foreign);
    giveBuffer(foreign);
    const again = slabs(8);
    expect(memoryOf(again)).to.not.include(foreign.buffer);
    again.forEach(giveBuffer);
  });
});
