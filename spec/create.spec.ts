import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../lib/bytes.js";
import { plan } from "../lib/plan.js";
import { HoldstillError } from "../lib/errors.js";
import { disk } from "../lib/filesystem.js";
import type { CreateReport } from "../lib/report/create-report.js";
import { thisProcess } from "../lib/vault/owner.js";
import { interrupted } from "./helpers/port.js";
import { createFrom, DEFAULTS, extract, extracted, indexOf, surroundings } from "./helpers/run.js";
import { age, contents, link, tmpDirectory, tmpTree, writeTree, type Tree } from "./helpers/tree.js";

const TREE: Tree = {
  "session.jsonl": "one\ntwo\n",
  logs: { "a.log": "a\n", "b.log": "b\n" },
  empty: {},
  current: link("session.jsonl"),
};

function sha256(data: string | Buffer): string {
  return createHash("sha256").update(data).digest("hex");
}

async function failure(work: Promise<unknown>): Promise<HoldstillError> {
  const error = await work.then(
    () => expect.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(HoldstillError);
  return error as HoldstillError;
}

/** The directory at the top of an archive, extracted. */
function opened({ archive }: CreateReport): string {
  const target = extract(archive);
  return join(target, ...readdirSync(target));
}

describe("create", () => {
  it("reports what it did to a known tree", async () => {
    const source = tmpTree(TREE);
    linkSync(join(source, "logs/a.log"), join(source, "logs/again.log"));
    age(source, 600);
    const output = join(tmpDirectory(), "archives");
    const { id, archive, frozen, timings, ...report } = await createFrom(source, { output, exclude: ["b.log"] });

    const bytes = readFileSync(archive);
    const method = report.sources[0]?.method ?? "database";
    expect(report).to.deep.equal({
      ...{ outcome: "published", bytes: bytes.length, sha256: sha256(bytes), verified: true, complete: true },
      counts: { files: 2, directories: 3, symlinks: 1, hardlinks: 1, databases: 0, bytes: 10 },
      capture: { clone: 0, link: 0, copy: 0, database: 0, [method]: 2 },
      verdicts: { exact: 2, prefix: 0, recaptured: 0, unstable: 0 },
      ...{ profile: "directory", cut: { files: 0, bytes: 0 } },
      ...{ settlePasses: 1, settled: true, skipped: [], unstable: [] },
      excluded: { count: 1, rules: [{ rule: "b.log", count: 1 }] },
      upstream: { verifiable: true, reasons: [] },
      ...{ compression: "none", warnings: [] },
      sources: [{ path: source, stage: "beside", method }],
    });
    expect(archive).to.match(/\/archives\/\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z-directory\.tar$/);
    expect(id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Date.parse(frozen.to) - Date.parse(frozen.from)).to.equal(frozen.ms);
    expect(timings.totalMs).to.be.at.least(timings.archiveMs + timings.verifyMs);
  });

  it("keeps archive and index private, and the directories that it makes", async () => {
    const umask = process.umask(0);
    const output = join(tmpDirectory(), "new/archives");
    const { archive } = await createFrom(tmpTree(TREE), { output }).finally(() => process.umask(umask));
    const modes = Object.keys(contents(join(output, ".."))).map((path) => {
      const stat = statSync(join(output, "..", path));
      return [stat.isDirectory(), (stat.mode & 0o777).toString(8)];
    });
    expect(modes).to.have.lengthOf.at.least(6);
    for (const [isDirectory, mode] of modes) expect(mode).to.equal(isDirectory === true ? "700" : "600");
    expect(statSync(join(output, "..")).mode & 0o777).to.equal(0o700);
    expect(existsSync(archive)).to.equal(true);
  });

  it("describes each entry of the archive in the index, and closes it with counts and a digest", async () => {
    const source = tmpTree(TREE);
    linkSync(join(source, "logs/a.log"), join(source, "logs/again.log"));
    const report = await createFrom(source, { label: "here", exclude: ["b.log"] });
    const root = opened(report);
    const [snapshot, ...lines] = indexOf(report);
    const end = lines.pop();

    expect(snapshot).to.deep.include({ type: "snapshot", id: report.id, profile: "directory", label: "here" });
    expect(snapshot).to.deep.include({ host: hostname(), frozen: report.frozen, strategy: "auto" });
    expect(snapshot?.["manifestSha256"]).to.equal(sha256(readFileSync(join(root, "manifest.json"))));
    expect(lines.map(({ type, path }) => [type, path])).to.deep.equal([
      ["directory", "."],
      ["symlink", "current"],
      ["directory", "empty"],
      ["directory", "logs"],
      ["file", "logs/a.log"],
      ["hardlink", "logs/again.log"],
      ["skip", "logs/b.log"],
      ["file", "session.jsonl"],
    ]);
    for (const line of lines.filter(({ type }) => type !== "skip")) {
      const path = join(root, "payload/posix", source, String(line["path"]));
      const { uid, gid, mode, size, mtimeNs } = lstatSync(path, { bigint: true });
      expect(line).to.include({ uid: Number(uid), gid: Number(gid), mode: Number(mode) & 0o7777, source: 0 });
      expect(line["mtimeNs"]).to.equal(String(mtimeNs));
      if (line["type"] === "file") expect(line).to.include({ size: Number(size), sha256: sha256(readFileSync(path)) });
    }
    const text = readFileSync(join(root, "holdstill/index.jsonl"), "utf8");
    const covered = text.slice(0, text.lastIndexOf("\n", text.length - 2) + 1);
    expect(end).to.deep.equal({
      ...{ type: "end", files: 2, directories: 3, symlinks: 1, hardlinks: 1, skipped: 1, bytes: 10 },
      sha256: sha256(covered),
    });
  });

  it("keeps two sources apart of which one's path is the beginning of the other's", async () => {
    const home = tmpTree({ a: { x: "in a" }, "a-b": { x: "in a-b" } }, "home");
    const sources = [join(home, "a-b"), join(home, "a")];
    const report = await createFrom(home, { sources, output: join(tmpDirectory(), "archives") });
    expect(extracted(report, home)).to.deep.equal(contents(home));
    expect(report.sources.map(({ path }) => path)).to.have.members(sources);
    const stored = indexOf(report).filter(({ type }) => type === "file");
    const places = stored.map(({ path, source }) => join(report.sources[Number(source)]?.path ?? "", String(path)));
    expect(places.sort()).to.deep.equal([join(home, "a-b/x"), join(home, "a/x")]);
  });

  it("backs up once what is given twice, or lies in another source", async () => {
    const home = tmpTree({ a: { deep: { x: "x" } } }, "home");
    const sources = [join(home, "a/deep"), join(home, "a"), `${join(home, "a")}/`, join(home, "a/deep/..")];
    const report = await createFrom(home, { sources, output: join(tmpDirectory(), "archives") });
    expect(report.sources.map(({ path }) => path)).to.deep.equal([join(home, "a")]);
    expect(report.counts).to.include({ files: 1, directories: 2 });
    expect(extracted(report, home)).to.deep.equal(contents(home));
  });

  it("plans what it would do and writes nothing", async () => {
    const home = tmpDirectory();
    writeTree(join(home, "source"), TREE);
    const around = surroundings({ homedir: home });
    const [before, times] = [contents(home), spawnSync("find", [home, "-printf", "%p %T@ %C@ %n\n"]).stdout.toString()];
    const options = {
      ...DEFAULTS,
      sources: [join(home, "source")],
      output: join(home, "archives"),
      exclude: ["b.log"],
    };
    expect(await plan(options, around)).to.deep.include({
      ...{ outcome: "planned", compression: "none", counts: { files: 2, directories: 3, bytes: 10 } },
      excluded: { count: 1, rules: [{ rule: "b.log", count: 1 }] },
    });
    expect(contents(home)).to.deep.equal(before);
    expect(spawnSync("find", [home, "-printf", "%p %T@ %C@ %n\n"]).stdout.toString()).to.equal(times);
  });

  describe("where another run is", () => {
    it("fails at once and names the owner, and the other is not disturbed", async () => {
      const [source, output] = [tmpTree(TREE), join(tmpDirectory(), "archives")];
      const order: string[] = [];
      let second: Promise<HoldstillError> | undefined;
      const moment = interrupted(
        "after",
        "create",
        (path) => path.endsWith(".tar.partial"),
        () => {
          second = failure(createFrom(source, { output })).finally(() => order.push("second"));
        },
      );
      const first = await createFrom(source, { output }, { fs: moment.fs }).finally(() => order.push("first"));
      expect(moment.came()).to.equal(true);
      const error = await second;
      expect(error).to.include({ code: "locked", path: join(output, ".holdstill/lock") });
      expect(error?.message).to.match(new RegExp(`process ${process.pid} on ${hostname()} since \\d{4}-`));
      expect(error?.hint).to.include("--wait");
      expect(order).to.deep.equal(["second", "first"]);
      expect(extracted(first, source)).to.deep.equal(contents(source));
      expect(readdirSync(output).filter((name) => name !== ".holdstill")).to.have.lengthOf(1);
    });

    it("takes over the lock of a process that is dead", async () => {
      const [source, output] = [tmpTree(TREE), join(tmpDirectory(), "archives")];
      mkdirSync(join(output, ".holdstill"), { recursive: true });
      const dead = { ...thisProcess(), pid: spawnSync("true").pid };
      writeFileSync(join(output, ".holdstill/lock"), JSON.stringify(dead));
      expect(await createFrom(source, { output })).to.include({ outcome: "published" });
      expect(readdirSync(join(output, ".holdstill"))).to.deep.equal(["index"]);
    });
  });

  describe("where the partial archive is damaged before it is verified", () => {
    for (const [which, at] of [
      ["a header", 0],
      ["the body of a file", "one\ntwo\n"],
      ["the index", '"type":"end"'],
    ] as const) {
      it(`publishes nothing and leaves nothing: a byte of ${which}`, async () => {
        const [source, output] = [tmpTree(TREE), join(tmpDirectory(), "archives")];
        const partialIn = () => readdirSync(output).find((name) => name.endsWith(".tar.partial")) ?? "";
        const isPartial = (path: string) => path.endsWith(".tar.partial");
        const { fs, came } = interrupted("before", "openRead", isPartial, () => {
          const path = join(output, partialIn());
          const bytes = readFileSync(path);
          const place = typeof at === "number" ? at : bytes.indexOf(at);
          bytes.writeUInt8((bytes.at(place) ?? 0) ^ 1, place);
          writeFileSync(path, bytes);
        });
        const error = await failure(createFrom(source, { output }, { fs }));
        expect(came()).to.equal(true);
        expect(error.code).to.equal("verify-failed");
        expect(error.path).to.match(/\.tar\.partial$/);
        expect(error.hint).to.include("Nothing was published");
        expect(Object.keys(contents(output))).to.deep.equal([".holdstill/"]);
        expect(readdirSync(join(source, ".."))).to.deep.equal(["source"]);
        expect(disk.lstat(bytesOf(join(source, "session.jsonl"))).nlink).to.equal(1);
      });
    }
  });
});
