import { createHash } from "node:crypto";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { isErrno } from "../../lib/errors.js";
import type { Identity, Journal, Moment } from "./churn-journal.js";
import { judge, type Observed } from "./churn-judge.js";
import { observe } from "./churn-observe.js";
import { now, startChurn } from "./churn.js";

describe("the live writer and its judge", () => {
  const seed = 20261123;
  let directory: string;
  let journal: Journal;
  let naive: Observed[];
  let settled: Observed[];
  const whole = { from: 0, to: 0 };
  const copying = { from: 0, to: 0 };
  const end = { from: 0, to: 0 };

  before(async () => {
    directory = fs.mkdtempSync(join(tmpdir(), "holdstill-spec-"));
    const churn = await startChurn({ directory, files: 300, opsPerSecond: 2000, seed });
    whole.from = now();
    await churn.reached(800);
    copying.from = now();
    naive = naiveCopy(directory);
    copying.to = now();
    await churn.reached(2000);
    journal = await churn.stop();
    end.from = end.to = whole.to = now();
    settled = read(observe(directory));
  });

  after(() => fs.rmSync(directory, { recursive: true, force: true }));

  it("tells why it could not start", async () => {
    const failure = await startChurn({ directory: join(directory, "nowhere"), files: 1, seed }).catch(String);
    expect(failure).to.match(/the writer ended with 1 .*ENOENT/s);
  });

  it("does at least what it was waited for, and everything that it is there to do", () => {
    expect(journal.operations).to.be.at.least(2000);
    const names = journal.identities.flatMap((identity) => identity.names.map(({ path }) => path));
    for (const pattern of [/\.jsonl\.reset\./, /\.jsonl\.deleted\./, /\.lock$/, /\.tmp$/, /\.moved-/]) {
      expect(names.filter((name) => pattern.test(name))).to.not.be.empty;
    }
    expect(journal.identities.filter(({ states }) => states.some(({ cut }) => cut !== undefined))).to.not.be.empty;
  });

  it("records no two states alike, but for empty files", () => {
    const digests = journal.identities.flatMap(({ states }) => states.filter(({ length }) => length > 0));
    expect(new Set(digests.map(({ sha256 }) => sha256)).size).to.equal(digests.length);
  });

  it("agrees with the disk when it has stopped, at that moment and over the whole run", () => {
    expect(judge(journal, end, settled)).to.deep.equal([]);
    expect(judge(journal, whole, settled)).to.deep.equal([]);
  });

  it("names what a naive copy beside the writer did wrong", () => {
    const violations = judge(journal, copying, naive);
    console.log(`      (naive copy: ${violations.length} violations, seed ${seed}) ${violations[0] ?? ""}`);
    const known = new Set(journal.identities.flatMap(({ names }) => names.map(({ path }) => path)));
    expect(violations.filter((violation) => !known.has(violation.replace(/: .*$/s, "")))).to.deep.equal([]);
  });

  describe("with a fault planted into the tree at rest", () => {
    const session = () => find((path, bytes) => /\.jsonl$/.test(path) && lines(bytes).length > 2);

    it("misses a file", () => {
      const { path } = session();
      expect(judge(journal, end, without(path))).to.satisfy(one(path, "is not in the backup"));
    });

    it("misses a directory with all that was in it", () => {
      const found = judge(
        journal,
        end,
        settled.filter(({ path }) => path !== "cron/runs" && !path.startsWith("cron/runs/")),
      );
      expect(found).to.have.length(11);
      expect(found.some((violation) => violation.startsWith("cron/runs: "))).to.equal(true);
    });

    it("finds two states mixed", () => {
      const { path, bytes } = session();
      const torn = Buffer.concat([lines(bytes).at(0), lines(bytes).at(-1)].filter((line) => line !== undefined));
      expect(judge(journal, end, replaced(path, torn))).to.satisfy(one(path, "no file ever had these"));
    });

    it("finds a session cut in the middle of a line", () => {
      const { path, bytes } = session();
      expect(judge(journal, end, replaced(path, bytes.subarray(0, -5)))).to.satisfy(one(path, "middle of a line"));
    });

    it("finds a line that is not JSON", () => {
      const { path, bytes } = session();
      const broken = bytes.subarray(5);
      expect(judge(journal, end, replaced(path, broken))).to.satisfy(one(path, "line 1 of "));
    });

    it("finds a log as it was before the run", () => {
      const log = find((path) => path === "logs/gateway-0.log");
      const earlier = Buffer.concat(lines(log.bytes).slice(0, -1));
      expect(judge(journal, end, replaced(log.path, earlier))).to.satisfy(one(log.path, "outside the run"));
      expect(judge(journal, whole, replaced(log.path, earlier))).to.deep.equal([]);
    });

    it("finds a file and a link that never were", () => {
      const file = { path: "agents/stranger", type: "file", bytes: Buffer.from("x") } as const;
      expect(judge(journal, end, [...settled, file])).to.satisfy(one(file.path, "no file had this name"));
      const link = { path: "agents/link", type: "symlink", bytes: Buffer.from("x") } as const;
      expect(judge(journal, end, [...settled, link])).to.satisfy(one(link.path, "no symlink had this name"));
    });

    it("finds the bytes of another file", () => {
      const { path } = session();
      const other = find((candidate, bytes) => candidate !== path && /\.jsonl$/.test(candidate) && bytes.length > 0);
      expect(judge(journal, end, replaced(path, other.bytes))).to.satisfy(one(path, "of another file"));
    });

    it("finds the same path twice", () => {
      const { path, bytes } = session();
      expect(judge(journal, end, [...settled, { path, type: "file", bytes }])).to.satisfy(one(path, "twice"));
    });

    it("misses a renamed file that is under none of its names, and takes it under any", () => {
      const present = new Set(settled.map(({ path }) => path));
      const { oldName, newName } = renamedDuring(journal, whole, present);
      const { bytes } = find((path) => path === newName);
      expect(judge(journal, whole, without(newName))).to.satisfy(one(oldName, newName));
      expect(judge(journal, whole, [...without(newName), { path: oldName, type: "file", bytes }])).to.deep.equal([]);
    });
  });

  function find(wanted: (path: string, bytes: Buffer) => boolean): { path: string; bytes: Buffer } {
    for (const { path, type, bytes } of settled) {
      if (type === "file" && Buffer.isBuffer(bytes) && wanted(path, bytes)) return { path, bytes };
    }
    throw new Error(`no such file in the tree (seed ${seed})`);
  }

  function without(gone: string): Observed[] {
    return settled.filter(({ path }) => path !== gone);
  }

  function replaced(path: string, bytes: Buffer): Observed[] {
    return [...without(path), { path, type: "file", bytes }];
  }
});

describe("the judge, on a record of a few lines", () => {
  const run = { from: 100, to: 200 };
  const file = (path: string, bytes: string): Observed => ({ path, type: "file", bytes: Buffer.from(bytes) });
  const folder = (path: string): Observed => ({ path, type: "directory", bytes: Buffer.alloc(0) });

  it("takes a session in the middle of an append as it was before, and not with half a line", () => {
    const journal = journalOf({
      names: [{ path: "a.jsonl", from: at(1) }],
      states: [
        { ...state("1\n"), from: at(1), until: at(150) },
        { ...state('1\n{"a"'), cut: sha256("1\n"), from: at(150), until: at(151) },
        { ...state('1\n{"a":2}\n'), from: at(151) },
      ],
    });
    expect(judge(journal, run, [file("a.jsonl", "1\n")])).to.deep.equal([]);
    expect(judge(journal, run, [file("a.jsonl", '1\n{"a":2}\n')])).to.deep.equal([]);
    expect(judge(journal, run, [file("a.jsonl", '1\n{"a"')])).to.satisfy(one("a.jsonl", "middle of a line"));
    expect(judge(journal, run, [file("a.jsonl", "")])).to.satisfy(one("a.jsonl", "no file ever had"));
  });

  it("takes a plain file as any of its states in the run, and not as a mixture of two", () => {
    const journal = journalOf({
      names: [{ path: "a.json", from: at(1) }],
      states: [
        { ...state("AAAA"), from: at(1), until: at(150) },
        { ...state(""), from: at(150), until: at(151) },
        { ...state("BBBB"), from: at(151), until: at(210) },
        { ...state("CCCC"), from: at(210) },
      ],
    });
    for (const bytes of ["AAAA", "", "BBBB"]) expect(judge(journal, run, [file("a.json", bytes)])).to.deep.equal([]);
    expect(judge(journal, run, [file("a.json", "AABB")])).to.satisfy(one("a.json", "no file ever had"));
    expect(judge(journal, run, [file("a.json", "CCCC")])).to.satisfy(one("a.json", "outside the run"));
  });

  it("does not take an empty file that never was empty during the run for its own", () => {
    const journal = journalOf({
      names: [{ path: "a", from: at(1) }],
      states: [
        { ...state(""), from: at(1), until: at(2) },
        { ...state("A"), from: at(2) },
      ],
    });
    expect(judge(journal, run, [file("a", "")])).to.satisfy(one("a", "outside the run"));
  });

  it("misses the file that was renamed over another, where only the other is there", () => {
    const victim: Identity = {
      id: "victim",
      type: "file",
      names: [{ path: "old", from: at(1), until: at(150) }],
      states: [{ ...state("victim"), from: at(1) }],
    };
    const winner: Identity = {
      id: "winner",
      type: "file",
      names: [
        { path: "tmp", from: at(2), until: at(150) },
        { path: "old", from: at(150) },
      ],
      states: [{ ...state("winner"), from: at(2) }],
    };
    const journal = { seed: 1, operations: 1, identities: [victim, winner] };
    expect(judge(journal, run, [file("old", "victim")])).to.satisfy(one("tmp", "winner"));
    expect(judge(journal, run, [file("old", "victim"), file("tmp", "winner")])).to.deep.equal([]);
    expect(judge(journal, run, [file("old", "winner")])).to.deep.equal([]);
  });

  it("misses a name that was held all the time, by one file after another", () => {
    const replaced = [at(1), at(120), at(180)].map((from, index, all): Identity => {
      const until = all[index + 1];
      const span = until ? { from, until } : { from };
      return {
        id: `file-${index}`,
        type: "file",
        names: [{ path: "sessions.json", ...span }],
        states: [{ ...state(`${index}`), from }],
      };
    });
    const journal = { seed: 1, operations: 2, identities: replaced };
    expect(judge(journal, run, [])).to.satisfy(one("sessions.json", "one file after the other"));
    expect(judge(journal, run, [], { excluded: (path) => path === "sessions.json" })).to.deep.equal([]);
    expect(judge(journal, run, [file("sessions.json", "1")])).to.deep.equal([]);
    const withGap = { ...journal, identities: replaced.filter(({ id }) => id !== "file-1") };
    expect(judge(withGap, run, [])).to.deep.equal([]);
  });

  it("demands neither what came nor what went during the run, and takes both", () => {
    const came = { names: [{ path: "came", from: at(150) }], states: [{ ...state("C"), from: at(150) }] };
    const went = { names: [{ path: "went", from: at(1), until: at(150) }], states: [{ ...state("W"), from: at(1) }] };
    const both = [...journalOf(came).identities, ...journalOf(went).identities];
    const journal = { seed: 1, operations: 2, identities: both };
    expect(judge(journal, run, [])).to.deep.equal([]);
    expect(judge(journal, run, [file("came", "C"), file("went", "W")])).to.deep.equal([]);
    expect(judge(journal, { from: 160, to: 200 }, [file("came", "C"), file("went", "W")])).to.satisfy(
      one("went", "no file had this name"),
    );
  });

  it("demands nothing whose system call was under way when the run began or ended", () => {
    const began = { before: 99, after: 101 };
    const names = [{ path: "a", from: began }];
    expect(judge(journalOf({ names, states: [{ ...state("A"), from: began }] }), run, [])).to.deep.equal([]);
    const ended = [{ path: "a", from: at(1), until: { before: 199, after: 201 } }];
    expect(judge(journalOf({ names: ended, states: [{ ...state("A"), from: at(1) }] }), run, [])).to.deep.equal([]);
  });

  it("misses an empty directory, and takes one that was removed and made again or not", () => {
    const kept: Identity = { id: "kept", type: "directory", names: [{ path: "kept", from: at(1) }], states: [] };
    const again = [{ from: at(1), until: at(150) }, { from: at(151) }].map((span, index): Identity => ({
      id: `${index}`,
      type: "directory",
      names: [{ path: "again", ...span }],
      states: [],
    }));
    const journal = { seed: 1, operations: 2, identities: [kept, ...again] };
    expect(judge(journal, run, [folder("kept")])).to.deep.equal([]);
    expect(judge(journal, run, [folder("kept"), folder("again")])).to.deep.equal([]);
    expect(judge(journal, run, [folder("again")])).to.satisfy(one("kept", "directory"));
    expect(judge(journal, run, [file("kept", "")])).to.have.length(2);
  });
});

function at(time: number): Moment {
  return { before: time - 0.5, after: time + 0.5 };
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function state(text: string): { length: number; sha256: string } {
  return { length: text.length, sha256: sha256(text) };
}

function journalOf(only: Pick<Identity, "names" | "states">): Journal {
  const identity: Identity = { id: "only", type: "file", ...only };
  return { seed: 1, operations: 1, identities: [identity] };
}

/** Exactly one violation, of this path, that says this. */
function one(path: string, said: string): (violations: string[]) => boolean {
  return ([first, ...rest]) =>
    rest.length === 0 && first !== undefined && first.startsWith(`${path}: `) && first.includes(said);
}

function lines(bytes: Buffer): Buffer[] {
  return bytes
    .toString("utf8")
    .split(/(?<=\n)/)
    .map((line) => Buffer.from(line));
}

function read(entries: Iterable<Observed>): Observed[] {
  return Array.from(entries, (entry) => ({
    ...entry,
    bytes: typeof entry.bytes === "function" ? entry.bytes() : entry.bytes,
  }));
}

/** A file that had two names while it lived through a run, of which only the last is taken when the run is over. */
function renamedDuring(journal: Journal, run: { from: number; to: number }, present: ReadonlySet<string>) {
  for (const { type, names } of journal.identities) {
    const [first, second, third] = names;
    if (type !== "file" || !first || !second || third || second.until || !first.until) continue;
    if (first.from.after > run.from || first.until.before < run.from || present.has(first.path)) continue;
    return { oldName: first.path, newName: second.path };
  }
  throw new Error(`no file was renamed just once (seed ${journal.seed})`);
}

/** What comes to mind first: list, read, go on where something is gone. */
function naiveCopy(root: string, prefix = ""): Observed[] {
  return tolerant([], () => fs.readdirSync(join(root, prefix), { withFileTypes: true })).flatMap(
    (entry): Observed[] => {
      const path = prefix + entry.name;
      if (entry.isDirectory()) {
        return [{ path, type: "directory", bytes: Buffer.alloc(0) }, ...naiveCopy(root, `${path}/`)];
      }
      return tolerant([], () => [{ path, type: "file", bytes: fs.readFileSync(join(root, path)) }]);
    },
  );
}

function tolerant<T>(otherwise: T, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!isErrno(error, "ENOENT")) throw error;
    return otherwise;
  }
}
