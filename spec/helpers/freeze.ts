import { constants, copyFileSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { FileLine } from "../../lib/archive/index.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import type { Event } from "../../lib/report/events.js";
import { fsWith } from "./port.js";
import { extracted, indexOf } from "./run.js";

export type Way = "clone" | "link" | "copy";

/** A disk for each way of capturing. */
export const DISKS: Record<Way, Filesystem> = {
  // A filesystem that clones: to the live program a clone is a copy that takes no time.
  clone: fsWith({ reflink: (from, to) => copyFileSync(from, to, constants.COPYFILE_EXCL) }),
  link: disk,
  copy: disk,
};

/** Lets the live program do something right after the freeze, before anything of it is archived. */
export function afterTheFreeze(act: () => void): { readonly onEvent: (event: Event) => void } {
  return { onEvent: (event) => void (event.type === "phase" && event.phase === "archive" && act()) };
}

/** How each file was captured, by its path, as the index of an archive tells it. */
export function proofsIn(report: CreateReport): Record<string, FileLine["capture"]> {
  const lines = indexOf(report).filter(({ type }) => type === "file") as unknown as {
    path: string;
    capture: FileLine["capture"];
  }[];
  return Object.fromEntries(lines.map(({ path, capture }) => [path, capture]));
}

/** What an archive says of each file: its verdict, and its text by letters, as in `3 a, 1 b`. */
export function told(report: CreateReport, source: string): Record<string, string> {
  const texts = extracted(report, source);
  const shown = ({ verdict }: { verdict: string }, text = ""): string => {
    const letters = [...new Set(text)].map((letter) => `${text.split(letter).length - 1} ${letter}`);
    return `${verdict}: ${letters.join(", ")}`;
  };
  return Object.fromEntries(Object.entries(proofsIn(report)).map(([path, proof]) => [path, shown(proof, texts[path])]));
}

/** The absolute paths of all regular files below a directory. */
export function filesBelow(root: string): string[] {
  const paths = readdirSync(root, { recursive: true, encoding: "utf8" }).map((path) => join(root, path));
  return paths.filter((path) => lstatSync(path).isFile());
}
