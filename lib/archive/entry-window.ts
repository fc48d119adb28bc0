/** Entries given to archiver and not yet in the tar: enough to keep it busy, few enough to hold in memory. */
const MOST_ENTRIES = 64;
const MOST_BYTES = 8 << 20;

/** Counts what is on its way through archiver, which itself would queue without end. */
export interface EntryWindow {
  readonly enter: (bytes: number) => void;
  /** The oldest entry is in the tar. */
  readonly leave: () => void;
  /** Resolves when another entry may enter; rejects once `fail` was called. */
  readonly room: () => Promise<void>;
  /** Resolves when nothing is on its way. */
  readonly empty: () => Promise<void>;
  readonly fail: (error: unknown) => void;
}

export function entryWindow(): EntryWindow {
  const sizes: number[] = [];
  let bytes = 0;
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;

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
    room: () => until(() => sizes.length < MOST_ENTRIES && bytes < MOST_BYTES),
    empty: () => until(() => sizes.length === 0),
    fail(error) {
      failure ??= { error };
      notify();
    },
  };
}
