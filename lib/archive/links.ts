import { posix } from "node:path";
import { textOf } from "../bytes.js";
import type { SourcePlan } from "../profile/plan.js";
import { isWithin } from "../profile/sources.js";
import type { FrozenEntry } from "../stage/entry.js";

/** A symbolic link as OpenClaw's manifest tells it: its name in the archive and its target. */
export interface Link {
  readonly entryPath: string;
  readonly linkpath: string;
}

/** The links whose target lies outside the state directory, as OpenClaw reckons it: by text, without the disk. */
export function externalLinks(
  entries: readonly FrozenEntry[],
  sources: readonly SourcePlan[],
  stateDir: string,
  root: string,
): Link[] {
  const archived = payloadPath(root, stateDir);
  return linksOf(entries, sources, root).filter((link) =>
    link.linkpath.startsWith("/")
      ? !isWithin(normalized(link.linkpath), stateDir)
      : !isWithin(archivedTarget(link), archived),
  );
}

/** Whether all links are relative and stay inside a source: then OpenClaw needs no list of them. */
export function linksStayInside(
  entries: readonly FrozenEntry[],
  sources: readonly SourcePlan[],
  root: string,
): boolean {
  const assets = sources.map(({ path }) => payloadPath(root, path));
  return linksOf(entries, sources, root).every((link) => {
    if (/^\/|^[A-Za-z]:\/|\\/.test(link.linkpath)) return false;
    const target = archivedTarget(link);
    return assets.some((asset) => isWithin(target, asset));
  });
}

/** Where an absolute path is in the archive. */
export function payloadPath(root: string, path: string): string {
  return posix.join(root, "payload/posix", path);
}

function linksOf(entries: readonly FrozenEntry[], sources: readonly SourcePlan[], root: string): Link[] {
  return entries.flatMap((entry) => {
    const source = sources[entry.source];
    if (entry.type !== "symlink" || source === undefined) return [];
    const entryPath = payloadPath(root, posix.join(source.path, textOf(entry.path)));
    return [{ entryPath, linkpath: textOf(entry.target) }];
  });
}

function archivedTarget({ entryPath, linkpath }: Link): string {
  return normalized(posix.join(posix.dirname(entryPath), linkpath));
}

function normalized(path: string): string {
  return posix.normalize(path).replace(/(?<=.)\/$/, "");
}
