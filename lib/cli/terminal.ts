import { printable } from "../report/printable.js";

/** Where a run writes to. Everything passes `printable`: no file name reaches a terminal raw. */
export interface Terminal {
  /** The result, on stdout. */
  readonly print: (lines: readonly string[]) => void;
  /** Everything else, on stderr. */
  readonly tell: (lines: readonly string[]) => void;
  /** How wide stderr is; undefined where it is no terminal that can redraw a line. */
  readonly columns: () => number | undefined;
  /** Shows a line in place of the one before; the empty line takes it away, as does anything told or printed. */
  readonly status: (line: string) => void;
}

export interface Writer {
  readonly write: (text: string) => unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const CLEAR = "\r\x1b[K";
/** Terminals that do not know their width, such as some serial lines, say 0. */
const USUAL_WIDTH = 80;

export function terminalOn(stdout: Writer, stderr: Writer, term: string | undefined): Terminal {
  let shown = false;
  const clear = (): void => {
    if (shown) stderr.write(CLEAR);
    shown = false;
  };
  const writeTo = (stream: Writer) => (lines: readonly string[]) => {
    clear();
    if (lines.length > 0) stream.write(lines.map((line) => `${printable(line)}\n`).join(""));
  };
  return {
    print: writeTo(stdout),
    tell: writeTo(stderr),
    columns: () => (stderr.isTTY === true && term !== "dumb" ? stderr.columns || USUAL_WIDTH : undefined),
    status: (line) => {
      if (line === "") return clear();
      stderr.write(`${CLEAR}${printable(line)}`);
      shown = true;
    },
  };
}
