/** Entries given to archiver and not yet in the tar: enough to keep it busy, few enough to hold in memory. */
const MOST_ENTRIES = 64;
const MOST_BYTES = 8 << 20;

/** Counts what is on its way through archiver, which itself would queue without end. */
export interface EntryWindow {
  readonly enter: (bytes: number) => void;
  /** The oldest entry is in the tar. */
  readonly leave: () => void;
  /** For when another entry may enter: undefined where that is now. Fails once `fail` was called. */
  readonly room: () => Promise<void> | undefined;
  /** Resolves when nothing is on its way. */
  readonly empty: () => Promise<void>;
  readonly fail: (error: unknown) => void;
}

export function entryWindow(): EntryWindow {
  const sizes: number[] = [];
  let bytes = 0;
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;

  const isOpen = (): boolean => sizes.length < MOST_ENTRIES && bytes < MOST_BYTES;
  /** Half, so that who waits goes on with many entries at a time. */
  const isHalfEmpty = (): boolean => sizes.length <= MOST_ENTRIES / 2 && bytes <= MOST_BYTES / 2;

  const until = async (holds: () => boolean): Promise<void> => {
    while (!failure && !holds()) await new Promise<void>((resolve) => (wake = resolve));
    if (failure) throw failure.error;
  };
  const notify = (): void => {
    wake?.();
    wake = undefined;
  };

  return {
    enter(size) {
      sizes.push(size);
      bytes += size;
    },
    leave() {
      bytes -= sizes.shift() ?? 0;
      notify();
    },
    room: () => (!failure && isOpen() ? undefined : until(isHalfEmpty)),
    empty: () => until(() => sizes.length === 0),
    fail(error) {
      failure ??= { error };
      notify();
    },
  };
}
