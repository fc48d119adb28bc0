import { disk, type Filesystem } from "../../lib/filesystem.js";

/** The real disk with some operations replaced. A replacement is given the real disk to fall back on. */
export function fsWith(replaced: Partial<Filesystem>): Filesystem {
  return { ...disk, ...replaced };
}

/** An operation that the operating system refuses. */
export function refuse(code: string): () => never {
  return () => {
    throw errno(code);
  };
}

export function errno(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: refused by the spec`), { code, syscall: "spec" });
}

type Operation = keyof Filesystem;
type Arguments<K extends Operation> = Parameters<Filesystem[K]>;

/** Something that the live program does in the middle of a run, at one point of it, once. */
export interface Moment {
  /** Whether it has happened: a spec whose moment never came has proven nothing. */
  readonly came: () => boolean;
}

/**
 * A disk on which `act` happens once, right before or after the first call of an operation whose arguments match.
 */
export function interrupted<K extends Operation>(
  when: "before" | "after",
  operation: K,
  matches: (...args: Arguments<K>) => boolean,
  act: () => void,
  base: Filesystem = disk,
): Moment & { readonly fs: Filesystem } {
  let came = false;
  const real = base[operation] as (...args: Arguments<K>) => unknown;
  const replaced = (...args: Arguments<K>): unknown => {
    const now = !came && matches(...args);
    if (now) came = true;
    if (now && when === "before") act();
    const result = real(...args);
    if (now && when === "after") act();
    return result;
  };
  return { fs: { ...base, [operation]: replaced }, came: () => came };
}
