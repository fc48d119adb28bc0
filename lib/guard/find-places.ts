import type { Bytes } from "../bytes.js";
import type { Contents } from "./contents.js";
import type { Place } from "./journal.js";
import { isWithin, mountsOf, relativeTo } from "./mounts.js";
import { isParentWritable, placesOf, type Returning } from "./places.js";
import type { Work } from "./work.js";

/**
 * Where what an archive holds goes back to. Workspaces are the user's, and stay as they are unless they are asked for.
 * @param workspaces that the archive has as parts of other sources
 */
export function findPlaces(
  work: Work,
  { snapshot, sources }: Contents,
  wanted: { readonly id: string; readonly includeWorkspace: boolean; readonly workspaces: readonly Bytes[] },
): Place[] {
  const { id, includeWorkspace, workspaces } = wanted;
  const stays = snapshot.profile === "openclaw" && !includeWorkspace;
  const returning = sources.flatMap(({ path, kind, type, kindAt }, source): Returning[] => {
    if (stays && kind === "workspace") return [];
    const omitted = stays ? workspaces.filter((each) => each !== path && isWithin(each, path)) : [];
    return [{ source, path, type, kindAt, omitted: omitted.map((each) => relativeTo(path, each)) }];
  });
  const surface = {
    mounts: mountsOf(work.fs, work.pid),
    isParentWritable: (path: Bytes) => isParentWritable(work.fs, path),
  };
  return placesOf(returning, surface, id);
}
