/** What must not survive the process: stages, partial archives. */
export interface Scratch {
  /** Remembers how to remove a thing, at once and without waiting; returns how to forget it again. */
  readonly add: (remove: () => void) => () => void;
  /** Removes everything that is remembered, the newest first. Never throws. */
  readonly removeAll: () => void;
}

export function createScratch(): Scratch {
  const removals = new Set<() => void>();
  return {
    add: (remove) => {
      const entry = (): void => remove();
      removals.add(entry);
      return () => void removals.delete(entry);
    },
    removeAll: () => {
      const entries = [...removals].reverse();
      removals.clear();
      for (const remove of entries) {
        try {
          remove();
        } catch {
          // The process is ending and the others still have to go. The next run removes what dead owners left.
        }
      }
    },
  };
}
