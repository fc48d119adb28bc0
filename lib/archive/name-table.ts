import { hash } from "node:crypto";
import type { Bytes } from "../bytes.js";

/** What is known of names, none of which is kept: 25 to 70 bytes each, however long they are. */
export interface NameTable {
  /** 0 for a name that nothing is known of. */
  readonly get: (name: Bytes) => number;
  /** Notes a number from 1 to 255; returns what was known before. */
  readonly set: (name: Bytes, value: number) => number;
}

/** Of a digest, in 32 bits each: nobody can make two names that agree in so many. */
const WORDS = 4;
const FIRST_SLOTS = 1024;

interface Slots {
  readonly digests: Uint32Array;
  /** 0 where a slot is free. */
  readonly values: Uint8Array;
}

/** A digest lies in the first slot that is free or its own, from where its first word points. */
export function nameTable(): NameTable {
  let slots = emptySlots(FIRST_SLOTS);
  let count = 0;
  const digest = new Uint32Array(WORDS);

  const find = (name: Bytes): number => {
    const text = hash("sha256", name, "hex");
    for (let word = 0; word < WORDS; word++) digest[word] = parseInt(text.slice(8 * word, 8 * word + 8), 16);
    return slotOf(slots, digest, 0);
  };

  return {
    get: (name) => slots.values[find(name)] ?? 0,
    set(name, value) {
      const slot = find(name);
      const before = slots.values[slot] ?? 0;
      slots.values[slot] = value;
      if (before !== 0) return before;
      slots.digests.set(digest, slot * WORDS);
      if (++count * 4 > slots.values.length * 3) slots = doubled(slots);
      return before;
    },
  };
}

function emptySlots(count: number): Slots {
  return { digests: new Uint32Array(count * WORDS), values: new Uint8Array(count) };
}

/** @param from where in `words` the digest begins */
function slotOf({ digests, values }: Slots, words: Uint32Array, from: number): number {
  const mask = values.length - 1;
  let slot = (words[from] ?? 0) & mask;
  while (values[slot] !== 0 && !isAt(digests, slot, words, from)) slot = (slot + 1) & mask;
  return slot;
}

function isAt(digests: Uint32Array, slot: number, words: Uint32Array, from: number): boolean {
  for (let word = 0; word < WORDS; word++) if (digests[slot * WORDS + word] !== words[from + word]) return false;
  return true;
}

function doubled({ digests, values }: Slots): Slots {
  const larger = emptySlots(values.length * 2);
  for (let old = 0; old < values.length; old++) {
    const value = values[old] ?? 0;
    if (value === 0) continue;
    const slot = slotOf(larger, digests, old * WORDS);
    for (let word = 0; word < WORDS; word++) larger.digests[slot * WORDS + word] = digests[old * WORDS + word] ?? 0;
    larger.values[slot] = value;
  }
  return larger;
}
