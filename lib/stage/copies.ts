import pLimit from "p-limit";

/** Copies at the same time: more only wait for the same disk, and a file that is never left alone is read too rarely. */
const AT_ONCE = 4;

/** What is copied beside the walk, each from an open file. */
export interface Copies {
  /** How many more files may be opened to be copied. */
  readonly room: () => number;
  /** Where there is only room for a few, copies until there is room for many. */
  readonly makeRoom: () => Promise<void> | undefined;
  /** Has a file copied when there must be room, or when all are: until then, names come first. */
  readonly add: (copy: () => Promise<void>) => void;
  /** Copies all; rejects with the first that failed, as soon as it has. */
  readonly done: () => Promise<void>;
  /** Waits until none is open, whatever became of them. */
  readonly idle: () => Promise<void>;
}

/** @param most so many files are open at the same time */
export function copies(most: number): Copies {
  const limit = pLimit(AT_ONCE);
  let open = 0;
  let queued: (() => Promise<void>)[] = [];
  let failed: { readonly error: unknown } | undefined;
  let waiting: { readonly enough: () => boolean; readonly go: () => void }[] = [];

  const throwFailure = (): void => {
    if (failed) throw failed.error;
  };
  const ended = (): void => {
    open--;
    const [going, staying] = [waiting.filter(({ enough }) => enough()), waiting.filter(({ enough }) => !enough())];
    waiting = staying;
    for (const { go } of going) go();
  };
  const until = async (enough: () => boolean): Promise<void> => {
    const started = queued;
    queued = [];
    for (const copy of started) {
      // What waits is not dropped: it holds an open file, and whoever waits for it would wait for ever.
      void limit(copy)
        .catch((error: unknown) => void (failed ??= { error }))
        .finally(ended);
    }
    if (!enough()) await new Promise<void>((go) => waiting.push({ enough, go }));
  };

  return {
    room: () => most - open,
    makeRoom() {
      if (failed === undefined && open <= most / 2) return undefined;
      return until(() => failed !== undefined || open <= most / 2).then(throwFailure);
    },
    add(copy) {
      open++;
      queued.push(copy);
    },
    async done() {
      await until(() => failed !== undefined || open === 0);
      throwFailure();
    },
    idle: () => until(() => open === 0),
  };
}
