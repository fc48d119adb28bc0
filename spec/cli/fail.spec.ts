import { expect } from "chai";
import type { CatalogEntry, SnapshotLine } from "../../lib/archive/index.js";
import type { Bytes } from "../../lib/bytes.js";
import { run } from "../../lib/cli/program.js";
import type { UseCases } from "../../lib/cli/use-cases.js";
import { HoldstillError } from "../../lib/errors.js";
import type { Summary } from "../../lib/archive/summary.js";
import { collectingShell, only } from "./collecting-shell.js";

const DAMAGED = new HoldstillError("bad-archive", "it is damaged in the middle", { path: "/x.tar" });
const ADDED = { change: "added", path: "a" } as const;
const VANISHED = { type: "skip", path: "a", source: 0, reason: "vanished" } as const satisfies CatalogEntry;

/** Shows so many lines, and then fails. */
function showing(lines: number): UseCases["show"] {
  return (_archive, _path, _around, audience) => {
    audience.begin("/x.tar", {} as SnapshotLine, {} as Summary);
    const places = { snapshot: {} as SnapshotLine, live: () => "/a" as Bytes, shown: () => "a" };
    for (let line = 0; line < lines; line++) audience.entry({ line: VANISHED, path: "a", places });
    return Promise.reject(DAMAGED);
  };
}

const differing: UseCases["diff"] = (_from, _to, _around, onDifference) => {
  onDifference(ADDED);
  onDifference(ADDED);
  return Promise.reject(DAMAGED);
};

async function document(args: readonly string[], cases: Partial<UseCases>) {
  const { shell, out, err } = collectingShell();
  const code = await run([...args, "--json"], shell, only(cases));
  return { code, err: err(), ...(JSON.parse(out()) as { entries?: unknown[]; differences?: unknown[] }) };
}

const FAILED = {
  ...{ code: 4, err: "", outcome: "failed" },
  error: { code: "bad-archive", message: "it is damaged in the middle", path: "/x.tar" },
};

describe("a document that is printed as it is read", () => {
  for (const lines of [511, 512, 1000]) {
    it(`is one document when show fails after ${lines} lines, and says so`, async () => {
      const shown = await document(["show", "/x.tar"], { show: showing(lines) });
      expect(shown).to.deep.include(FAILED);
      expect(shown.entries).to.have.lengthOf(lines);
    });
  }

  it("has nothing but the failure when show fails at once", async () => {
    expect(await document(["show", "/x.tar"], { show: showing(0) })).to.deep.equal(FAILED);
  });

  it("is one document when diff fails after two differences, and says so", async () => {
    const compared = await document(["diff", "/x.tar", "/y.tar"], { diff: differing });
    expect(compared).to.deep.equal({ ...FAILED, differences: [ADDED, ADDED] });
  });

  it("has nothing but the failure when diff fails at once", async () => {
    expect(await document(["diff", "/x.tar", "/y.tar"], { diff: () => Promise.reject(DAMAGED) })).to.deep.equal(FAILED);
  });

  it("names the signal that ended it", async () => {
    const { shell, controller, out } = collectingShell();
    const diff: UseCases["diff"] = (_from, _to, { signal }, onDifference) => {
      onDifference(ADDED);
      controller.abort(new HoldstillError("interrupted", "interrupted"));
      return Promise.reject(new Error("aborted", { cause: signal.reason }));
    };
    expect(await run(["diff", "/x.tar", "/y.tar", "--json"], shell, only({ diff }))).to.equal(130);
    expect(JSON.parse(out())).to.have.nested.include({ outcome: "failed", "error.code": "interrupted" });
  });
});
