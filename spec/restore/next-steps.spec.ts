import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { restore, type RestoreOptions } from "../../lib/restore.js";
import { loadSqlite } from "../../lib/stage/sqlite.js";
import { restoreInto } from "../helpers/restored.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { contents, tmpDirectory, tmpTree } from "../helpers/tree.js";

const { DatabaseSync } = await loadSqlite();

/** A name that a shell takes for several, and for the end of a quotation. */
const NAME = `it's "my" $(state) &`;

/** @param state of OpenClaw, where no sources are named */
async function stepsOf(
  sources: readonly string[] | undefined,
  options: Partial<RestoreOptions>,
  change: () => void,
  state?: string,
): Promise<{ readonly target: string; readonly steps: readonly string[] }> {
  const around = surroundings({ env: { PATH: process.env["PATH"], OPENCLAW_STATE_DIR: state } });
  const { archive } = await createFrom("", { sources }, around);
  change();
  const target = join(tmpDirectory(), `the 'target'`);
  const { nextSteps } = await restore(restoreInto(target, { archive, ...options }), around);
  return { target, steps: nextSteps.slice(1) };
}

/** What a user does with them. */
function paste(steps: readonly string[]): void {
  execFileSync("sh", ["-c", `${steps.join("\n")}\n`], { stdio: ["ignore", "pipe", "pipe"] });
}

const rowsOf = (path: string): unknown[] => {
  const database = new DatabaseSync(path);
  try {
    return database
      .prepare("SELECT x FROM t")
      .all()
      .map(({ x }) => x);
  } finally {
    database.close();
  }
};

/** Writes rows and leaves them in the log, as a program does that was killed. */
function writeAndDie(path: string, rows: readonly string[]): void {
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE IF NOT EXISTS t (x)");
  for (const row of rows) database.prepare("INSERT INTO t VALUES (?)").run(row);
  for (const end of ["", "-wal"]) copyFileSync(`${path}${end}`, `${path}${end}.left`);
  database.close();
  for (const end of ["", "-wal"]) renameSync(`${path}${end}.left`, `${path}${end}`);
}

describe("the next steps, pasted into a shell", () => {
  for (const strip of [false, true]) {
    it(`put a part over what is there, and keep all of that${strip ? ", from a target that is stripped" : ""}`, async () => {
      const source = tmpTree({ "a b.txt": "old", log: "old", d: { "c.txt": "old" } }, NAME);
      const elsewhere = join(tmpDirectory(), "elsewhere");
      let before: unknown;
      const { target, steps } = await stepsOf([source], { include: ["*.txt"], strip }, () => {
        for (const name of ["log", "a b.txt", "new.txt"]) writeFileSync(join(source, name), "new");
        linkSync(join(source, "a b.txt"), elsewhere);
        rmSync(join(source, "d/c.txt"));
        symlinkSync(elsewhere, join(source, "d/c.txt"));
        before = contents(source);
      });
      paste(steps);
      expect(contents(source)).to.deep.equal({
        ...{ "a b.txt": "old", log: "new", "new.txt": "new", "d/": "/", "d/c.txt": "old" },
      });
      expect(contents(`${source}.before-restore`)).to.deep.equal(before);
      expect(readFileSync(elsewhere, "utf8")).to.equal("new");
      expect(contents(strip ? target : join(target, source))).to.deep.equal({
        "a b.txt": "old",
        "d/": "/",
        "d/c.txt": "old",
      });
    });
  }

  it("put a part where nothing is any more", async () => {
    const source = join(tmpTree({ [NAME]: { "a.txt": "a", b: "b" } }), NAME);
    const gone = (): void => rmSync(dirname(source), { recursive: true });
    paste((await stepsOf([source], { include: ["a.txt"] }, gone)).steps);
    expect(contents(source)).to.deep.equal({ "a.txt": "a" });
    expect(readdirSync(dirname(source))).to.deep.equal([NAME]);
  });

  it("put nothing over what could not be kept, and nothing into what came to be there", async () => {
    const source = tmpTree({ "a.txt": "old" }, NAME);
    const part = await stepsOf([source], { include: ["a.txt"] }, () => writeFileSync(join(source, "a.txt"), "new"));
    const whole = await stepsOf([source], {}, () => undefined);
    writeFileSync(`${source}.before-restore`, "in the way");
    expect(() => paste(part.steps)).to.throw();
    expect(() => paste(whole.steps)).to.throw();
    expect(contents(source)).to.deep.equal({ "a.txt": "new" });

    const moved = await stepsOf([source], {}, () => renameSync(source, `${source}.moved`));
    mkdirSync(join(source, "came"), { recursive: true });
    expect(() => paste(moved.steps)).to.throw();
    expect(contents(source)).to.deep.equal({ "came/": "/" });
  });

  it("let no database that is put in place take the log of the one that was there", async () => {
    const source = tmpTree({}, NAME);
    const path = join(source, "it's.sqlite");
    writeAndDie(path, ["old"]);
    for (const include of [["*.sqlite"], []]) {
      const { steps } = await stepsOf([source], { include }, () => writeAndDie(path, ["new"]));
      paste(steps);
      expect(rowsOf(path)).to.deep.equal(["old"]);
      expect(rowsOf(join(`${source}.before-restore`, "it's.sqlite"))).to.deep.equal(["old", "new"]);
      rmSync(`${source}.before-restore`, { recursive: true });
    }
  });

  for (const strip of [false, true]) {
    for (const include of [[], ["*.txt"]]) {
      it(`put a source back that lies in another: ${strip ? "stripped" : "whole paths"}, ${include.length > 0 ? "a part" : "all"}`, async () => {
        const source = tmpTree({ "a.txt": "old", git: { work: { "b.txt": "old" }, "c.txt": "left out" } }, NAME);
        const config = JSON.stringify({ agents: { defaults: { workspace: join(source, "git/work") } } });
        writeFileSync(join(source, "openclaw.json"), config);
        const change = (): void => {
          for (const path of ["a.txt", "git/work/b.txt"]) writeFileSync(join(source, path), "new");
        };
        const { steps } = await stepsOf(undefined, { strip, include }, change, source);
        expect([steps[0], steps.at(-1)]).to.deep.equal(["  openclaw gateway stop", "  openclaw gateway start"]);
        paste(steps.slice(1, -1));
        const all = (text: string) => ({ "a.txt": text, "git/": "/", "git/work/": "/", "git/work/b.txt": text });
        const whole = { ...all("new"), "git/c.txt": "left out", "openclaw.json": config };
        expect(contents(source)).to.deep.equal(
          include.length > 0 ? { ...whole, ...all("old") } : { ...all("old"), "openclaw.json": config },
        );
        expect(contents(`${source}.before-restore`)).to.deep.equal(whole);
        expect(readdirSync(dirname(source))).to.have.members([NAME, `${NAME}.before-restore`]);
      });
    }
  }
});
