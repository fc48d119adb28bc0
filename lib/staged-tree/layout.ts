import { nameOf, under, type Bytes } from "../bytes.js";

export interface LaidOutSource {
  readonly path: Bytes;
  readonly type: "directory" | "file";
}

/** A path of a source. */
export interface Placed {
  readonly source: number;
  readonly path: Bytes;
}

/**
 * Where entries lie in the tree that a command sees, `.` for the tree itself: a single source is the tree; of several,
 * each lies under its absolute path.
 */
export function layoutOf(sources: readonly LaidOutSource[]): (entry: Placed) => Bytes {
  const [only] = sources;
  if (only && sources.length === 1) {
    return only.type === "file" ? () => nameOf(only.path) : ({ path }) => path;
  }
  return ({ source, path }) => relative(under(sources[source]?.path ?? ("/" as Bytes), path));
}

function relative(absolute: Bytes): Bytes {
  return (absolute === "/" ? "." : absolute.slice(1)) as Bytes;
}
