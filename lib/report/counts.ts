/** What an archive holds. */
export interface Counts {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly hardlinks: number;
  readonly databases: number;
  /** Of all files in it. */
  readonly bytes: number;
}
