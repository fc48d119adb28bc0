import { expect } from "chai";
import { HoldstillError } from "../../lib/errors.js";
import { archivesAmong, isPartial, namedAmong, partialNameOf } from "../../lib/rclone/archives.js";

const NAMES = ["2026-11-26T00-00-00.000Z-directory.tar.zst", "2026-11-25T00-00-00.000Z-directory-x.tar.zst.age"];
const TOKEN = "0123456789ab";

function file(name: string, mtimeMs = 0) {
  return { name, size: 1, mtimeMs, hashes: {} };
}

describe("the archives on a remote", () => {
  it("are those of the files that are named so, the newest last, by their name or else by their time", () => {
    const partial = partialNameOf({ name: NAMES[0] ?? "", token: TOKEN });
    const found = archivesAmong(
      [...NAMES, "notes.txt", partial].map((name) => file(name)),
      () => undefined,
    );
    expect(found.map(({ name }) => name)).to.deep.equal([...NAMES].reverse());
    const [mine] = archivesAmong([file("mine.tar", 42)], () => undefined);
    expect(mine).to.deep.equal({ name: "mine.tar", size: 1, moment: 42, summary: undefined });
  });

  it("are named by latest, or by the beginning of one name", () => {
    const found = archivesAmong(
      NAMES.map((name) => file(name)),
      () => undefined,
    );
    expect(namedAmong("latest", found).name).to.equal(NAMES[0]);
    expect(namedAmong("2026-11-25", found).name).to.equal(NAMES[1]);
    expect(() => namedAmong("2026", found)).to.throw(HoldstillError, "the names of 2 archives begin with 2026");
    expect(() => namedAmong("2027", found)).to.throw(HoldstillError, "there is no archive whose name begins with 2027");
    expect(() => namedAmong("", found)).to.throw(HoldstillError);
    expect(() => namedAmong("latest", [])).to.throw(HoldstillError, "there is no archive here");
  });

  it("grow under a name that no archive has", () => {
    expect(isPartial(partialNameOf({ name: "a.tar", token: TOKEN }))).to.equal(true);
    expect(isPartial(".a.tar.partial")).to.equal(false);
    expect(isPartial("a.tar")).to.equal(false);
  });
});
