const acts: (() => void)[] = [];
let isLoaded = false;

/**
 * Does something after the spec that is running, whether it passed or not: the last that was asked for first.
 * @throws Error where Mocha was not told to load this file: a hook of the file itself would be called only for the first
 * file of each of Mocha's workers
 */
export function afterwards(act: () => void): void {
  if (!isLoaded) throw new Error("mocha needs --require ./dist/spec/helpers/afterwards.js");
  acts.push(act);
}

export const mochaHooks = {
  beforeAll(): void {
    isLoaded = true;
  },
  afterEach(this: Mocha.Context): void {
    // A sweep leaves hundreds of directories.
    this.timeout(300_000);
    for (const act of acts.splice(0).reverse()) act();
  },
};
