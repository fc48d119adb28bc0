import type { VerifyReport } from "../verify.js";
import type { Counts } from "./counts.js";

/** A snapshot of which all was read and compared with its index. */
export interface SnapshotReport extends Counts {
  readonly archive: string;
  readonly ok: true;
  readonly snapshot: string;
  /** Of the run that made it. */
  readonly id: string;
  readonly unchecked: readonly string[];
  readonly damaged: VerifyReport["damaged"];
}

/** A repository that restic has checked. */
export interface CheckReport {
  readonly archive: string;
  readonly ok: true;
  /** How much of its data was read, as restic was asked: `100%`, `5%`, `1/10`. */
  readonly readData: string;
}
