import { parentOf, type Bytes } from "../bytes.js";
import type { Stage } from "./place.js";

export interface Placement {
  readonly path: Bytes;
  readonly placement: Stage["placement"];
}

/** Where a root lies, and what else may hold its stage. */
export interface Surrounded {
  readonly root: Bytes;
  /** The outermost of the roots that it lies in, or itself. */
  readonly outermost: Bytes;
  readonly cache: Bytes;
}

/** Where each root lies among the others. */
export function surrounded(roots: readonly Bytes[], cache: Bytes): Surrounded[] {
  return roots.map((root) => {
    const around = roots.filter((other) => root === other || root.startsWith(other === "/" ? other : `${other}/`));
    const outermost = around.reduce((outer, other) => (other.length < outer.length ? other : outer), root);
    return { root, outermost, cache };
  });
}

/** A root that lies in no other. */
export function alone(root: Bytes, cache: Bytes): Surrounded {
  return { root, outermost: root, cache };
}

/**
 * The places where the stage of a root may lie, the best first: beside means beside all roots, since those are only
 * read. Leftovers of dead runs are looked for in the same.
 */
export function stageParents({ root, outermost, cache }: Surrounded): Placement[] {
  const parent = parentOf(outermost) === "" ? ("/" as Bytes) : parentOf(outermost);
  return [
    ...(outermost === "/" ? [] : [{ path: parent, placement: "beside" as const }]),
    { path: root, placement: "inside" },
    { path: cache, placement: "cache" },
  ];
}
