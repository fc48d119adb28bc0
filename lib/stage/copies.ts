import pLimit from "p-limit";

/** Copies at the same time: more only wait for the same disk. */
const AT_ONCE = 4;

/** Copies waiting, each with an open file. */
const WAITING = 16;

/** What is copied beside the walk. */
export interface Copies {
  /** Starts a copy, or queues it; what it returns is to be awaited before the next one. */
  readonly add: (copy: () => Promise<void>) => Promise<void>;
  /** Waits for all of them; rejects with the first that failed. */
  readonly done: () => Promise<void>;
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
      throwFailure();
      const promise: Promise<void> = limit(copy)
        .catch((error: unknown) => {
          failed ??= { error };
          limit.clearQueue();
        })
        .finally(() => running.delete(promise));
      running.add(promise);
    },
    async done() {
      while (running.size > 0) await Promise.race(running);
      throwFailure();
    },
  };
}
