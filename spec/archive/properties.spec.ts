import { expect } from "chai";
import fc from "fast-check";
import { archivePath, namedPath, pathOf, printLine, type FileLine, type SkipLine } from "../../lib/archive/index.js";
import {
  archiveName,
  compressionOfName,
  isArchiveName,
  isPartialName,
  momentOfName,
  partialName,
  stampOf,
} from "../../lib/archive/name.js";
import { parseLine } from "../../lib/archive/parse-line.js";
import { readTar, strictly } from "../../lib/archive/read.js";
import { parseSummary } from "../../lib/archive/summary.js";
import type { Bytes } from "../../lib/bytes.js";
import { HoldstillError } from "../../lib/errors.js";
import { parseOwner } from "../../lib/vault/owner.js";
import { chunked } from "../helpers/sample-archive.js";

const RUNS = { numRuns: 300 };

/** Any file name that a kernel allows, of whatever bytes. */
const name = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((bytes) => Buffer.from(bytes).toString("latin1").replace(/[/\0]/g, "_"))
  .filter((text) => text !== "." && text !== "..");
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/") as Bytes);

const owned = fc.record({
  source: fc.nat(9),
  mode: fc.nat(0o7777),
  uid: fc.nat(),
  gid: fc.nat(),
  mtimeNs: fc.bigInt(-(2n ** 62n), 2n ** 62n).map(String),
});
const capture = fc.record({
  method: fc.constantFrom("clone", "link", "copy", "database"),
  verdict: fc.constantFrom("exact", "prefix", "recaptured", "unstable"),
  cut: fc.nat(),
  at: fc.string(),
});
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("hex"));
const fileLine = fc
  .tuple(path, owned, fc.maxSafeNat(), digest, capture)
  .map(([at, facts, size, sha256, proof]): FileLine => ({
    type: "file",
    ...namedPath(at),
    ...facts,
    size,
    sha256,
    capture: proof,
  }));
const skipLine = fc
  .tuple(path, fc.nat(9), fc.constantFrom("vanished", "excluded", "special", "unreadable"))
  .map(([at, source, reason]): SkipLine => ({ type: "skip", ...namedPath(at), source, reason }));

describe("what is printed", () => {
  it("is read back as it was: lines of the index, names of any bytes included", () => {
    fc.assert(
      fc.property(fc.oneof(fileLine, skipLine), (line) => {
        expect(parseLine(printLine(line).trimEnd(), 1)).to.deep.equal(line);
      }),
      RUNS,
    );
  });

  it("is read back as it was: paths, whatever their bytes", () => {
    fc.assert(
      fc.property(path, (given) => {
        expect(pathOf(JSON.parse(JSON.stringify(namedPath(given))) as ReturnType<typeof namedPath>)).to.equal(given);
        expect(archivePath("root", "/" as Bytes, given)).to.match(/^root\//);
      }),
      RUNS,
    );
  });

  it("is read back as it was: names of archives tell when they were made and how they are compressed", () => {
    const year = { min: new Date("1970-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true };
    fc.assert(
      fc.property(
        fc.date(year),
        fc.constantFrom("zstd", "gzip", "none"),
        fc.option(fc.stringMatching(/^[a-z0-9]{1,20}$/), { nil: undefined }),
        (date, format, label) => {
          const made = archiveName(stampOf(date.getTime()), "directory", label, format);
          expect(momentOfName(made)).to.equal(date.getTime());
          expect(compressionOfName(made)).to.equal(format);
          expect([isArchiveName(made), isPartialName(made)]).to.deep.equal([true, false]);
          const partial = partialName(made);
          expect([isArchiveName(partial), isPartialName(partial)]).to.deep.equal([false, true]);
        },
      ),
      RUNS,
    );
  });
});

describe("what anybody could have written", () => {
  /** Anything, and what nearly is what it should be. */
  const text = fc.oneof(fc.string(), fc.json(), fc.tuple(fileLine, fc.nat(), fc.string({ maxLength: 3 })).map(spoiled));

  function spoiled([line, at, put]: readonly [FileLine, number, string]): string {
    const printed = printLine(line);
    const where = at % printed.length;
    return printed.slice(0, where) + put + printed.slice(where + 1);
  }

  it("is refused as a bad archive where it is no line of an index", () => {
    fc.assert(
      fc.property(text, (given) => {
        try {
          expect(parseLine(given, 1)).to.have.property("type");
        } catch (error) {
          if (!(error instanceof HoldstillError)) throw error;
          expect(error.code).to.equal("bad-archive");
        }
      }),
      RUNS,
    );
  });

  it("is no summary and no owner, and no defect either", () => {
    fc.assert(
      fc.property(text, (given) => {
        expect([typeof parseSummary(given), typeof parseOwner(given)]).to.satisfy((kinds: string[]) =>
          kinds.every((kind) => kind === "undefined" || kind === "object"),
        );
      }),
      RUNS,
    );
  });

  it("is refused as a bad archive where it is no tar, and reading it ends", async () => {
    const visitor = { entry: async () => undefined } as unknown as Parameters<typeof readTar>[1];
    const tar = fc.uint8Array({ minLength: 0, maxLength: 4096 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(tar, async (given) => {
        try {
          await readTar(chunked(given), visitor, strictly);
        } catch (error) {
          if (!(error instanceof HoldstillError)) throw error;
          expect(error.code).to.equal("bad-archive");
        }
      }),
      { numRuns: 100 },
    );
  });
});
