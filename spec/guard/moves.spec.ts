import { expect } from "chai";
import type { Bytes } from "../../lib/bytes.js";
import { carriedOf, exchangeOf } from "../../lib/guard/moves.js";
import { bytes, pinnedPlace, place } from "./sample.js";

const AREA = "/s/.holdstill-guard-1";

/** A disk of which only names are known. */
function names(tree: Readonly<Record<string, readonly string[]>>): (directory: Bytes) => Bytes[] {
  return (directory) => (tree[directory] ?? []).map(bytes);
}

function told(moves: readonly { readonly kind: string; readonly from: string; readonly to: string }[]): string[] {
  return moves.map(({ kind, from, to }) => `${kind} ${from} -> ${to}`);
}

describe("the renames that exchange a place", () => {
  it("are two where it can be renamed", () => {
    expect(told(exchangeOf(place(), names({})))).to.deep.equal(["aside /s -> /s.failed-1", "in /s.restored-1 -> /s"]);
  });

  it("are two for each name where it cannot, all old ones first, and leave holdstill's own directory alone", () => {
    const tree = { "/s": ["a", "b", ".holdstill-guard-1"], [`${AREA}/restored`]: ["b", "c"] };
    expect(told(exchangeOf(pinnedPlace(), names(tree)))).to.deep.equal([
      `aside /s/a -> ${AREA}/failed/a`,
      `aside /s/b -> ${AREA}/failed/b`,
      `in ${AREA}/restored/b -> /s/b`,
      `in ${AREA}/restored/c -> /s/c`,
    ]);
  });

  it("go around a mount point, and into the directories that lead to one", () => {
    const tree = {
      "/s": ["a", "w"],
      "/s/a": ["x", "m"],
      [`${AREA}/restored`]: ["a", "new"],
      [`${AREA}/restored/a`]: ["x"],
    };
    expect(told(exchangeOf(pinnedPlace("a/m", "w"), names(tree)))).to.deep.equal([
      `aside /s/a/x -> ${AREA}/failed/a/x`,
      `in ${AREA}/restored/new -> /s/new`,
      `in ${AREA}/restored/a/x -> /s/a/x`,
    ]);
  });
});

describe("what the archive does not hold", () => {
  it("is taken over from what was live", () => {
    expect(told(carriedOf(place(), [bytes("w"), bytes("a/s.sock")]))).to.deep.equal([
      "carry /s.failed-1/w -> /s/w",
      "carry /s.failed-1/a/s.sock -> /s/a/s.sock",
    ]);
  });

  it("stays where it is at and below a mount point", () => {
    expect(carriedOf(pinnedPlace("w"), [bytes("w"), bytes("w/x")])).to.deep.equal([]);
  });

  it("is that of its own part where a mount is a place of its own", () => {
    const mounted = place({ within: bytes("a/m"), live: bytes("/s/a/m"), failed: bytes("/f") });
    expect(told(carriedOf(mounted, [bytes("a/m/x"), bytes("a/mx"), bytes("b")]))).to.deep.equal([
      "carry /f/x -> /s/a/m/x",
    ]);
  });
});
