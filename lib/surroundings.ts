import type { Unseal } from "./age/sealed.js";
import type { Filesystem } from "./filesystem.js";
import type { OnEvent } from "./report/events.js";
import type { Scratch } from "./scratch.js";

/** What a use case knows of the world it runs in. */
export interface Surroundings {
  readonly fs: Filesystem;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homedir: string;
  readonly cwd: string;
  /** Milliseconds of the epoch. */
  readonly now: () => number;
  /** Aborted with the error that the run is to end with. */
  readonly signal: AbortSignal;
  readonly onEvent: OnEvent;
  readonly scratch: Scratch;
  /** Opens encrypted archives, where keys were given. */
  readonly unseal?: Unseal | undefined;
}
