import { bytewise, type Bytes } from "../bytes.js";

export interface Pair<L, R> {
  readonly key: Bytes;
  readonly left: L | undefined;
  readonly right: R | undefined;
}

interface WithKey {
  readonly key: Bytes;
}

/** Two streams in bytewise order of their keys as one of pairs. */
export async function* merge<L extends WithKey, R extends WithKey>(
  left: AsyncGenerator<L>,
  right: AsyncGenerator<R>,
): AsyncGenerator<Pair<L, R>> {
  try {
    let l = await left.next();
    let r = await right.next();
    while (l.done !== true || r.done !== true) {
      const order = l.done === true ? 1 : r.done === true ? -1 : bytewise(l.value.key, r.value.key);
      const [one, other] = [
        order <= 0 && l.done !== true ? l.value : undefined,
        order >= 0 && r.done !== true ? r.value : undefined,
      ];
      const key = one?.key ?? other?.key;
      if (key !== undefined) yield { key, left: one, right: other };
      if (one) l = await left.next();
      if (other) r = await right.next();
    }
  } finally {
    await left.return(undefined);
    await right.return(undefined);
  }
}
