import { posix } from "node:path";
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
}

/** What to do with what was restored: a line each, commands indented by two. */
export function nextSteps(
  roots: readonly RestoredRoot[],
  { isOpenClaw, isWhole }: { readonly isOpenClaw: boolean; readonly isWhole: boolean },
): string[] {
  if (roots.length === 0) return [];
  const away = roots.filter(({ source, restored }) => source !== restored);
  if (away.length === 0) return ["It is in its place already.", ...(isOpenClaw ? ["  openclaw gateway start"] : [])];
  const stop = isOpenClaw ? ["  openclaw gateway stop"] : [];
  const start = isOpenClaw ? ["  openclaw gateway start"] : [];
  return [headOf(isOpenClaw, isWhole), ...stop, ...away.flatMap(isWhole ? moves : copies), ...start];
}

function headOf(isOpenClaw: boolean, isWhole: boolean): string {
  if (!isWhole) return "This is a part of the archive. To put it over what is there now, with nothing writing there:";
  return isOpenClaw
    ? "To activate this state, with what is there now kept aside:"
    : "To put it into place, with what is there now kept aside and nothing writing there:";
}

function copies({ source, restored, isFile }: RestoredRoot): string[] {
  const [from, to] = isFile ? [restored, source] : [`${restored}/.`, `${source}/`];
  return [`  cp -a ${shellQuoted(from)} ${shellQuoted(to)}`];
}

function moves({ source, restored, isThere, hasParent, aside }: RestoredRoot): string[] {
  const [from, to] = [restored, source].map(shellQuoted);
  return [
    ...(isThere ? [`  mv ${to} ${shellQuoted(aside)}`] : []),
    ...(hasParent ? [] : [`  mkdir -p ${shellQuoted(posix.dirname(source))}`]),
    `  mv ${from} ${to}`,
  ];
}
