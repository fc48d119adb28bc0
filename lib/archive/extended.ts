import type { Bytes } from "../bytes.js";
import { parsePax, type Overrides } from "./pax.js";
import { isZero } from "./tar-header.js";

/** The extended headers between two entries: PAX's (`x`, Solaris' `X`, global `g`) and GNU's long names (`L`, `K`). */
export interface ExtendedHeaders {
  readonly isOne: (typeflag: string) => boolean;
  readonly add: (typeflag: string, body: Buffer, complain: Complain) => void;
  /** Whether there was one since the last entry. */
  readonly pending: () => boolean;
  /** What they say of the entry that comes now; after it they are forgotten, the global ones aside. */
  readonly take: () => Overrides;
}

export interface Complain {
  readonly damaged: (what: string) => never;
  /** Readable, but not as holdstill writes it. */
  readonly irregular: (what: string) => void;
}

export function extendedHeaders(): ExtendedHeaders {
  const globals: Overrides = {};
  let own: Overrides = {};
  const seen = new Set<string>();

  const addPax = (typeflag: string, body: Buffer, { damaged, irregular }: Complain): void => {
    const { overrides, problem, irregular: what } = parsePax(body);
    if (problem !== undefined) damaged(problem);
    if (what !== undefined) irregular(what);
    if (typeflag === "g") {
      irregular("it has a global header");
      Object.assign(globals, overrides);
      return;
    }
    if (givenTwice(own, overrides)) irregular("a name is given twice");
    own = { ...own, ...overrides };
  };

  /** PAX has precedence, as with other readers; our own archives leave no choice. */
  const addLongName = (key: "path" | "linkpath", body: Buffer, { irregular }: Complain): void => {
    const nul = body.indexOf(0);
    if (nul < 0 || !isZero(body.subarray(nul))) irregular("a long name does not end with NUL");
    const name = body.toString("latin1", 0, nul < 0 ? body.length : nul) as Bytes;
    if (givenTwice(own, { [key]: name })) irregular("a name is given twice");
    own = { [key]: name, ...own };
  };

  return {
    isOne: (typeflag) => "xXgLK".includes(typeflag),
    add(typeflag, body, complain) {
      if (seen.has(typeflag)) complain.irregular("an extended header is repeated");
      seen.add(typeflag);
      if (typeflag === "L") addLongName("path", body, complain);
      else if (typeflag === "K") addLongName("linkpath", body, complain);
      else addPax(typeflag, body, complain);
    },
    pending: () => seen.size > 0,
    take() {
      const overrides = { ...globals, ...own };
      own = {};
      seen.clear();
      return overrides;
    },
  };
}

function givenTwice(a: Overrides, b: Overrides): boolean {
  return (a.path !== undefined && b.path !== undefined) || (a.linkpath !== undefined && b.linkpath !== undefined);
}
