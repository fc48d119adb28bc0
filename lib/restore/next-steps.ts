import { posix } from "node:path";
import { bytesOf, escaped } from "../bytes.js";
import { sidecarsOf } from "../stage/database.js";
import { shellQuoted } from "./shell-quoted.js";

/** A source as it was and as it lies in the target now. */
export interface RestoredRoot {
  readonly isFile: boolean;
  /** Where it was when it was backed up. */
  readonly source: string;
  readonly restored: string;
  /** Whether something is there now, and the directory that it is in. */
  readonly isThere: boolean;
  readonly hasParent: boolean;
  /** Where what is there now can be kept. */
  readonly aside: string;
  /** Where the databases that were restored are when they are in place. */
  readonly databases: readonly string[];
}

/** What to do with what was restored: a line each, commands indented by two. */
export function nextSteps(
  roots: readonly RestoredRoot[],
  { isOpenClaw, isWhole }: { readonly isOpenClaw: boolean; readonly isWhole: boolean },
): string[] {
  // There is nothing beside the root of all to keep it in.
  const placed = roots.filter(({ source }) => source !== "/");
  if (placed.length === 0) return [];
  const away = placed.filter(({ source, restored }) => source !== restored);
  if (away.length === 0) return ["It is in its place already.", ...(isOpenClaw ? ["  openclaw gateway start"] : [])];
  const stop = isOpenClaw ? ["  openclaw gateway stop"] : [];
  const start = isOpenClaw ? ["  openclaw gateway start"] : [];
  const commands = inOrder(away).map(({ root, outer }) =>
    isWhole || !root.isThere ? moves(root, isWhole && outer !== undefined) : copies(root, outer?.isThere === true),
  );
  return [headOf(isOpenClaw, isWhole), ...stop, ...commands.flatMap(chained), ...start];
}

function headOf(isOpenClaw: boolean, isWhole: boolean): string {
  if (!isWhole) {
    return "This is a part of the archive. To put it over what is there now, with a copy of that kept aside and nothing writing there:";
  }
  return isOpenClaw
    ? "To activate this state, with what is there now kept aside:"
    : "To put it into place, with what is there now kept aside and nothing writing there:";
}

/** The outer ones first, each with what lies around it; without those that come into place with what lies around them. */
function inOrder(roots: readonly RestoredRoot[]) {
  return [...roots]
    .sort((a, b) => a.source.length - b.source.length)
    .map((root) => ({ root, outer: roots.find(({ source }) => root.source.startsWith(`${source}/`)) }))
    .filter(({ root, outer }) => !outer || root.restored !== outer.restored + root.source.slice(outer.source.length));
}

/** Nothing is done after what failed. */
function chained(commands: readonly string[]): string[] {
  return commands.map((command, at) => `  ${command}${at < commands.length - 1 ? " &&" : ""}`);
}

/** @param isKept whether what is there now is kept with what lies around it */
function copies({ source, restored, isFile, aside, databases }: RestoredRoot, isKept: boolean): string[] {
  const [all, from, to] = isFile ? [source, restored, source] : [`${source}/.`, `${restored}/.`, `${source}/`];
  return [
    ...(isKept ? [] : [`cp -a ${shellQuoted(all)} ${shellQuoted(aside)}`]),
    // SQLite would take the journal of the old database for one of the new.
    ...databases.map((path) => `rm -f ${sidecarsOf(bytesOf(path)).map(escaped).map(shellQuoted).join(" ")}`),
    // Written into, a file would change under its other names, too, and one that a link leads to in place of the link.
    `cp -a --remove-destination ${shellQuoted(from)} ${shellQuoted(to)}`,
  ];
}

/** @param isMoved whether what is there now is gone by then, with what lay around it */
function moves({ source, restored, isThere, hasParent, aside }: RestoredRoot, isMoved: boolean): string[] {
  const [from, to] = [restored, source].map(shellQuoted);
  return [
    ...(isThere && !isMoved ? [`mv ${to} ${shellQuoted(aside)}`] : []),
    ...(hasParent && !isMoved ? [] : [`mkdir -p ${shellQuoted(posix.dirname(source))}`]),
    // Not into a directory that has come to be there meanwhile.
    `mv -T ${from} ${to}`,
  ];
}
