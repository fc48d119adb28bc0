import type { TarEntry, TarVisitor } from "../archive/read.js";
import { textOf } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { Stored } from "./stored-entries.js";

/**
 * Lets through what was announced, in its order, and nothing else: no byte more is written than was planned for.
 * @throws HoldstillError `bad-archive` at the first entry that is another
 */
export function onlyExpected(
  entries: Iterable<Stored>,
  isPayload: (entry: TarEntry) => boolean,
  visitor: Required<TarVisitor>,
): Required<TarVisitor> {
  const announced: Iterator<Stored> = entries[Symbol.iterator]();
  let current: TarEntry | undefined;
  return {
    entry(entry) {
      current = isPayload(entry) ? entry : undefined;
      if (current === undefined) return undefined;
      const next: IteratorResult<Stored, undefined> = announced.next();
      const expected = next.value;
      if (expected?.name !== entry.name || expected.type !== entry.type || expected.size !== entry.size) {
        throw new HoldstillError("bad-archive", `not what the archive announced: ${textOf(entry.name)}`);
      }
      return visitor.entry(entry);
    },
    data: (chunk) => (current === undefined ? undefined : visitor.data(chunk)),
    end: () => (current === undefined ? undefined : visitor.end()),
  };
}
