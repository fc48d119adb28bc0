import { bytewise, nameOf, parentOf, type Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import { descentInto, type Descent } from "../stage/descent.js";
import type { AttributeSetter, Attributes } from "./attributes.js";

/** The directories of a restore: made when something is to go into them, and given their modes and times at the end. */
export interface Directories {
  /** Says how one is to be in the end, if it is made. */
  readonly describe: (path: Bytes, attributes: Attributes) => void;
  /** Makes one, with those above it. */
  readonly make: (path: Bytes) => void;
  /** The path of the directory that something is in, good until the next call. Makes it where it is not there. */
  readonly above: (path: Bytes) => Bytes;
  /** Gives all but the target itself what was described; `failed` is told of those that refuse. */
  readonly finish: (setter: AttributeSetter, attempt: (path: Bytes, act: () => void) => void) => void;
  /** The same for the target itself: when nothing is written into it any more. */
  readonly finishTarget: (setter: AttributeSetter, fd: number) => void;
  readonly close: () => void;
}

const TARGET = "." as Bytes;

/**
 * Nothing is written through a symbolic link: each directory is opened in the descriptor of its parent, and must be one.
 */
export function directories(fs: Filesystem, target: Bytes): Directories {
  const down: Descent = descentInto(fs, target);
  const described = new Map<Bytes, Attributes>();
  const made = new Set<Bytes>([TARGET]);
  /** Those that could not be made, and why: all that is below them is refused for the same reason. */
  const refused = new Map<Bytes, unknown>();

  const enter = (path: Bytes): Bytes => {
    if (!made.has(path)) make(path);
    return down.enter(path).base;
  };
  const make = (path: Bytes): void => {
    if (made.has(path)) return;
    const why = refused.get(path);
    if (why !== undefined) throw why as Error;
    try {
      fs.mkdir(`${enter(parentOf(path))}/${nameOf(path)}` as Bytes, 0o700);
    } catch (error) {
      refused.set(path, error);
      throw error;
    }
    made.add(path);
  };

  return {
    describe: (path, attributes) => void described.set(path, attributes),
    make,
    above: (path) => enter(parentOf(path)),
    finish(setter, attempt) {
      // From the deepest up: one that was closed cannot be entered again.
      for (const path of [...made].sort(bytewise).reverse()) {
        const attributes = described.get(path);
        if (path === TARGET || attributes === undefined) continue;
        attempt(path, () => setter.set(down.enter(path).fd, attributes));
      }
    },
    finishTarget(setter, fd) {
      const attributes = described.get(TARGET);
      if (attributes !== undefined) setter.set(fd, attributes);
    },
    close: () => down.close(),
  };
}
