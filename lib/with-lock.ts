import type { Bytes } from "./bytes.js";
import type { Surroundings } from "./surroundings.js";
import { tidy } from "./tidy.js";
import { lock } from "./vault/lock.js";
import type { Owner } from "./vault/owner.js";

/** Who is to hold the lock, and how long to wait for another holder, in milliseconds. */
export interface Holding {
  readonly me: Owner;
  readonly waitMs: number;
}

/**
 * Holds the lock of an archive directory while something is done there, and gives it back whatever happens.
 * @throws HoldstillError `locked`, `output-unusable`, `no-space`, and what `use` throws
 */
export async function withLock<T>(
  directory: Bytes,
  { me, waitMs }: Holding,
  { fs, signal, now, scratch, onEvent }: Pick<Surroundings, "fs" | "signal" | "now" | "scratch" | "onEvent">,
  use: () => Promise<T>,
): Promise<T> {
  const held = await lock(fs, directory, me, { waitMs, signal, now });
  const forget = scratch.add(held.release);
  try {
    return await use();
  } finally {
    tidy(onEvent, held.release);
    forget();
  }
}
