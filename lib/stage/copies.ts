import pLimit from "p-limit";

/** Copies at the same time: more only wait for the same disk. */
const AT_ONCE = 4;

/** Copies waiting, each with an open file. */
const WAITING = 16;

/** What is copied beside the walk. */
export interface Copies {
  /** Starts a copy, or queues it; what it returns is to be awaited before the next one. */
  readonly add: (copy: () => Promise<void>) => Promise<void>;
  /** Waits for all of them; rejects with the first that failed, as soon as it has. */
  readonly done: () => Promise<void>;
  /** Waits until none is under way, whatever became of them. */
  readonly idle: () => Promise<void>;
}

export function copies(): Copies {
  const limit = pLimit(AT_ONCE);
  const running = new Set<Promise<void>>();
  let failed: { readonly error: unknown } | undefined;

  const throwFailure = (): void => {
    if (failed) throw failed.error;
  };

  return {
    async add(copy) {
      while (running.size >= WAITING) await Promise.race(running);
      const promise: Promise<void> = limit(copy)
        // What waits is not dropped: it holds an open file, and whoever waits for it would wait for ever.
        .catch((error: unknown) => void (failed ??= { error }))
        .finally(() => running.delete(promise));
      running.add(promise);
      throwFailure();
    },
    async done() {
      while (running.size > 0 && !failed) await Promise.race(running);
      throwFailure();
    },
    async idle() {
      while (running.size > 0) await Promise.race(running);
    },
  };
}
