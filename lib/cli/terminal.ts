import { printable } from "../report/printable.js";

/** Where a run writes to. Everything but `send` passes `printable`: no file name reaches a terminal raw. */
export interface Terminal {
  /** The result, on stdout. */
  readonly print: (lines: readonly string[]) => void;
  /** Bytes as they are, on stdout; resolves when there is room for more. */
  readonly send: (chunk: Uint8Array) => Promise<void>;
  /** False when whoever read stdout has gone. */
  readonly isHeard: () => boolean;
  /** Everything else, on stderr: what failed, unless it is only to warn. */
  readonly tell: (lines: readonly string[], level?: Level) => void;
  /** How wide stderr is; undefined where it is no terminal that can redraw a line. */
  readonly columns: () => number | undefined;
  /** Shows a line in place of the one before; the empty line takes it away, as does anything told or printed. */
  readonly status: (line: string) => void;
}

export type Level = "error" | "warning" | "info";

/** By which the journal knows how grave a line is (sd-daemon). */
const PREFIXES: Readonly<Record<Level, string>> = { error: "<3>", warning: "<4>", info: "<6>" };

export interface Writer {
  readonly write: (data: string | Uint8Array, done?: (error?: Error | null) => void) => unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const CLEAR = "\r\x1b[K";
/** Terminals that do not know their width, such as some serial lines, say 0. */
const USUAL_WIDTH = 80;

export interface TerminalOptions {
  readonly term: string | undefined;
  /** Whether stderr is the journal's. */
  readonly journal: boolean;
}

export function terminalOn(stdout: Writer, stderr: Writer, { term, journal }: TerminalOptions): Terminal {
  let shown = false;
  let heard = true;
  const clear = (): void => {
    if (shown) stderr.write(CLEAR);
    shown = false;
  };
  const written = (error?: Error | null): void => {
    if (error) heard = false;
  };
  const textOf = (lines: readonly string[], prefix = ""): string =>
    lines.map((line) => `${prefix}${printable(line)}\n`).join("");
  return {
    print(lines) {
      clear();
      if (lines.length > 0) stdout.write(textOf(lines), written);
    },
    send(chunk) {
      clear();
      return new Promise((resolve) => {
        stdout.write(chunk, (error) => {
          written(error);
          resolve();
        });
      });
    },
    isHeard: () => heard,
    tell(lines, level = "error") {
      clear();
      if (lines.length > 0) stderr.write(textOf(lines, journal ? PREFIXES[level] : ""));
    },
    columns: () => (stderr.isTTY === true && term !== "dumb" ? stderr.columns || USUAL_WIDTH : undefined),
    status: (line) => {
      if (line === "") return clear();
      stderr.write(`${CLEAR}${printable(line)}`);
      shown = true;
    },
  };
}
