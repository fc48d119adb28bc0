import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "chai";
import { create } from "../lib/create.js";
import { deliverWithRclone, type DeliveryOptions } from "../lib/deliver.js";
import { HoldstillError } from "../lib/errors.js";
import { remoteAt, type Remote } from "../lib/remote.js";
import type { CreateReport } from "../lib/report/create-report.js";
import type { OnEvent } from "../lib/report/events.js";
import { DEFAULTS, surroundings } from "./helpers/run.js";
import { contents, tmpDirectory, tmpTree } from "./helpers/tree.js";
import { stubRclone, type Fault } from "./rclone/stub.js";

interface Place {
  readonly source: string;
  readonly output: string;
  readonly directory: string;
  /** Later by a second at each look. */
  readonly now: () => number;
}

function place(): Place {
  let time = Date.parse("2026-11-26T00:00:00Z");
  const home = tmpDirectory();
  const now = (): number => (time += 1000);
  return { source: tmpTree({ "a.txt": "a" }), output: join(home, "archives"), directory: join(home, "remote"), now };
}

/** Backs up, and has rclone carry it to the remote. */
async function carry(
  here: Place,
  options: Partial<DeliveryOptions> & {
    readonly fault?: Fault;
    readonly label?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly onEvent?: OnEvent;
  } = {},
): Promise<CreateReport> {
  const { fault, label, env, onEvent, ...delivery } = options;
  const around = surroundings({ env: { ...stubRclone(fault), ...env }, now: here.now, ...(onEvent && { onEvent }) });
  const destination = { engine: "rclone", directory: here.directory } as const;
  const deliver = deliverWithRclone({ destination, keepLocal: undefined, retention: undefined, ...delivery }, around);
  return create({ ...DEFAULTS, sources: [here.source], output: here.output, label, deliver }, around);
}

async function failing(made: Promise<CreateReport>): Promise<HoldstillError> {
  const outcome = await made.catch((error: unknown) => error);
  if (outcome instanceof HoldstillError) return outcome;
  throw new Error("it did not fail");
}

function archives(directory: string): string[] {
  return readdirSync(directory).filter((name) => name !== ".holdstill");
}

function remote({ directory, now }: Place, env = stubRclone()): Remote {
  const options = { readDataSubset: undefined };
  return remoteAt({ engine: "rclone", directory }, options, surroundings({ env, now }));
}

describe("an archive that rclone carries away", () => {
  it("is there under its name, with its catalog, and nothing else is", async () => {
    const here = place();
    const { archive, delivered } = await carry(here);
    expect(delivered).to.deep.equal({
      ...{ to: `rclone:${here.directory}`, compared: "sha1", resumed: [], removedLocal: [] },
    });
    const there = contents(here.directory);
    const name = basename(archive);
    expect(there[name]).to.equal(contents(here.output)[name]);
    const notes = ["json", "jsonl.gz", "sha256"].map((ending) => `.holdstill/index/${name}.${ending}`);
    expect(Object.keys(there).filter((path) => !path.endsWith("/"))).to.have.members([name, ...notes]);
  });

  it("is read back where the remote has no digests", async () => {
    expect((await carry(place(), { fault: "unhashed" })).delivered).to.include({ compared: "reading back" });
  });

  it("is carried to a remote that has a directory by any name, as stores without directories do", async () => {
    const here = place();
    const { archive } = await carry(here, { fault: "without directories" });
    expect(archives(here.directory)).to.deep.equal([basename(archive)]);
  });

  for (const [fault, code] of [
    ["short", "verify-failed"],
    ["flipped", "verify-failed"],
    ["cut off", "output-unusable"],
    ["unmoved", "output-unusable"],
  ] as const) {
    it(`stays here where the upload is ${fault}, leaves nothing there, and is uploaded by the next run`, async () => {
      const here = place();
      const { code: found, path = "", hint } = await failing(carry(here, { fault }));
      expect(found).to.equal(code);
      expect(hint).to.match(/The archive is here, whole; the next run uploads it\.$/);
      expect(archives(here.output)).to.deep.equal([basename(path)]);
      expect(archives(here.directory)).to.deep.equal([]);
      const { archive, delivered } = await carry(here);
      expect(delivered?.resumed).to.deep.equal([basename(path)]);
      expect(archives(here.directory)).to.have.members([basename(path), basename(archive)]);
      expect(readdirSync(join(here.output, ".holdstill/uploads"))).to.deep.equal([]);
    });
  }

  it("takes away what an earlier run of the same directory left there, and nobody else's", async () => {
    const here = place();
    const { path = "" } = await failing(carry(here, { fault: "cut off", env: { STUB_KEEPS: "all" } }));
    expect(archives(here.directory).join()).to.match(/^\.2026-.*\.[0-9a-f]{12}\.partial$/);
    const foreign = ".x.tar.0123456789ab.partial";
    writeFileSync(join(here.directory, foreign), "");
    const { archive } = await carry(here);
    expect(archives(here.directory)).to.have.members([foreign, basename(path), basename(archive)]);
  });

  it("takes away what is half there of an archive that was removed here", async () => {
    const here = place();
    const { path = "" } = await failing(carry(here, { fault: "cut off", env: { STUB_KEEPS: "all" } }));
    rmSync(path);
    const { archive } = await carry(here);
    expect(archives(here.directory)).to.deep.equal([basename(archive)]);
    expect(readdirSync(join(here.output, ".holdstill/uploads"))).to.deep.equal([]);
  });

  it("leaves alone what grows there from another machine, also from one with the same name and the same paths", async () => {
    const here = place();
    await failing(carry(here, { fault: "cut off", env: { STUB_KEEPS: "all" } }));
    const [growing = ""] = archives(here.directory);
    rmSync(here.output, { recursive: true });
    const { archive } = await carry(here);
    expect(archives(here.directory)).to.have.members([growing, basename(archive)]);
  });

  it("does not keep the others from being uploaded where its name is taken, and stays here itself", async () => {
    const here = place();
    const { path = "" } = await failing(carry(here, { fault: "cut off" }));
    const name = basename(path);
    const other = "x".repeat(statSync(path).size);
    writeFileSync(join(here.directory, name), other);
    const failed = await failing(carry(here, { keepLocal: 0 }));
    expect(failed).to.include({ code: "output-exists", path });
    const [, second = ""] = archives(here.output);
    expect(archives(here.directory)).to.deep.equal([name, second]);
    expect(contents(here.directory)[name]).to.equal(other);
    rmSync(join(here.directory, name));
    const { archive, delivered } = await carry(here, { keepLocal: 0 });
    expect(delivered?.resumed).to.deep.equal([name]);
    expect(archives(here.directory)).to.have.members([name, second, basename(archive)]);
  });

  it("is not uploaded again where an earlier run was cut off when it had its name", async () => {
    const here = place();
    const { archive } = await carry(here);
    const name = basename(archive);
    const there = statSync(join(here.directory, name)).ino;
    writeFileSync(join(here.output, ".holdstill/uploads", await markName(here, name)), "");
    expect((await carry(here)).delivered?.resumed).to.deep.equal([name]);
    expect(statSync(join(here.directory, name)).ino).to.equal(there);
    expect(readdirSync(join(here.output, ".holdstill/uploads"))).to.deep.equal([]);
  });

  it("never writes over a file that has its name", async () => {
    const here = place();
    const first = await carry(here);
    const name = basename(first.archive);
    const again = place();
    writeFileSync(join(here.directory, name), "other");
    const { code } = await failing(
      carry({ ...again, directory: here.directory, now: () => Date.parse(nameTime(name)) }),
    );
    expect(code).to.equal("output-exists");
    expect(contents(here.directory)[name]).to.equal("other");
  });

  it("never writes over a file that came to have its name while it was uploaded", async () => {
    const here = place();
    const { code, path = "" } = await failing(carry(here, { fault: "overtaken" }));
    expect(code).to.equal("output-exists");
    expect(contents(here.directory)).to.deep.equal({ [basename(path)]: "other" });
  });

  it("leaves as many here as are asked for, and those that are not there", async () => {
    const here = place();
    const { path: failed = "" } = await failing(carry(here, { fault: "cut off" }));
    writeFileSync(join(here.output, "2020-01-01T00-00-00.000Z-directory.tar"), "never uploaded");
    await carry(here, { label: "a" });
    const { archive, delivered } = await carry(here, { label: "b", keepLocal: 1 });
    expect(delivered?.removedLocal).to.have.lengthOf(2).and.include(basename(failed));
    expect(archives(here.output)).to.have.members(["2020-01-01T00-00-00.000Z-directory.tar", basename(archive)]);
    expect(readdirSync(join(here.output, ".holdstill/index"))).to.have.lengthOf(3);
    await carry(here, { keepLocal: 0 });
    expect(archives(here.output)).to.deep.equal(["2020-01-01T00-00-00.000Z-directory.tar"]);
  });

  it("is not carried to where it is: nothing would be left of it", async () => {
    const here = place();
    const { code, message, path = "" } = await failing(carry({ ...here, directory: here.output }, { keepLocal: 0 }));
    const why = `rclone:${here.output} is the archive directory itself`;
    expect({ code, message }).to.deep.equal({ code: "output-unusable", message: `${path} is not uploaded: ${why}` });
    expect(archives(here.output)).to.deep.equal([basename(path)]);
  });

  it("makes room for itself there by a policy, and is there all the same where that fails", async () => {
    const here = place();
    await carry(here);
    const { archive, pruned } = await carry(here, { retention: { keepLast: 1 } });
    expect(pruned).to.include({ outcome: "pruned" });
    expect(archives(here.directory)).to.deep.equal([basename(archive)]);
  });

  it("is made and kept where no rclone is installed, which is said before, and uploaded by the next run", async () => {
    const here = place();
    const said: string[] = [];
    const onEvent: OnEvent = (event) => said.push(event.type === "warning" ? event.message : event.type);
    const { code, message, hint, path = "" } = await failing(carry(here, { env: { PATH: "/nonexistent" }, onEvent }));
    expect(said[0]).to.equal("rclone is not installed: nothing can be uploaded");
    const why = "rclone is not installed";
    expect({ code, message }).to.deep.equal({ code: "output-unusable", message: `${path} is not uploaded: ${why}` });
    expect(hint).to.match(/apt install rclone.*The archive is here, whole; the next run uploads it\.$/);
    expect(archives(here.output)).to.deep.equal([basename(path)]);
    const { delivered, archive } = await carry(here);
    expect(delivered?.resumed).to.deep.equal([basename(path)]);
    expect(archives(here.directory)).to.have.members([basename(path), basename(archive)]);
  });
});

/** What notes that an archive is to be uploaded, as an upload that fails leaves it. */
async function markName(here: Place, name: string): Promise<string> {
  const { path = "" } = await failing(carry({ ...here, output: join(tmpDirectory(), "other") }, { fault: "cut off" }));
  const [mark = ""] = readdirSync(join(path, "../.holdstill/uploads"));
  return mark.replace(basename(path), name);
}

/** The moment in a name of ours. */
function nameTime(name: string): string {
  return name.slice(0, 24).replace(/T(\d\d)-(\d\d)-/, "T$1:$2:");
}

describe("a remote of rclone", () => {
  it("lists what it has by its catalog, and by its names what that does not know", async () => {
    const here = place();
    const { archive } = await carry(here, { label: "one" });
    const unknown = "2026-11-25T00-00-00.000Z-directory-two.tar";
    writeFileSync(join(here.directory, unknown), "?");
    const { archives: rows } = await remote(here).list();
    expect(rows.map(({ name, ok }) => ({ name, ok }))).to.deep.equal([
      { name: unknown, ok: null },
      { name: basename(archive), ok: true },
    ]);
    expect(rows[1]).to.deep.include({
      ...{ archive: `rclone:${here.directory}/${basename(archive)}`, label: "one", files: 1, complete: true },
    });
  });

  it("gives archives back, and verifies them, by what was fetched and is gone afterwards", async () => {
    const here = place();
    await carry(here);
    const target = join(tmpDirectory(), "restored");
    const options = { archive: "latest", target, include: [], exclude: [] };
    const flags = { strip: true, dryRun: false, keepDeliveries: false, keepSetuid: false };
    const { archive, complete } = await remote(here).restore({ ...options, ...flags });
    expect(complete).to.equal(true);
    expect(archive).to.match(/\/remote\/2026-[^/]*\.tar$/);
    expect(contents(target)["a.txt"]).to.equal("a");
    expect(await remote(here).verify("latest")).to.include({ archive, ok: true, files: 1 });
  });

  it("tells of a bad archive by its name there", async () => {
    const here = place();
    const { archive } = await carry(here);
    const name = basename(archive);
    writeFileSync(join(here.directory, name), "bad");
    const outcome = await remote(here)
      .verify(name)
      .catch((error: unknown) => error);
    expect(outcome).to.include({ code: "bad-archive", path: `rclone:${here.directory}/${name}` });
  });

  it("is no archive directory where there is none by its name", async () => {
    const there = remote(place());
    for (const ask of [there.list, there.names, () => there.prune({ keepLast: 1 }, "plan")]) {
      const outcome = await ask().catch((error: unknown) => error);
      expect(outcome).to.include({ code: "no-archive", message: "there is no such directory on the remote" });
    }
  });

  it("is pruned by a policy, catalog and all; what is not ours stays", async () => {
    const here = place();
    const first = await carry(here);
    const { archive } = await carry(here);
    writeFileSync(join(here.directory, "notes.txt"), "");
    const plan = await remote(here).prune({ keepLast: 1 }, "plan");
    expect(plan.removed.map((each) => each.archive)).to.deep.equal([
      `rclone:${here.directory}/${basename(first.archive)}`,
    ]);
    expect(archives(here.directory)).to.have.lengthOf(3);
    const done = await remote(here).prune({ keepLast: 1 }, "prune");
    expect(done.notOurs.map(({ path }) => basename(path))).to.deep.equal(["notes.txt"]);
    expect(archives(here.directory)).to.have.members([basename(archive), "notes.txt"]);
    expect(readdirSync(join(here.directory, ".holdstill/index"))).to.have.lengthOf(3);
  });

  it("names what it does not let go of", async () => {
    const here = place();
    const first = await carry(here);
    await carry(here);
    const { failed, removed } = await remote(here, { ...stubRclone(), STUB_KEEPS: "all" }).prune(
      { keepLast: 1 },
      "prune",
    );
    expect(removed).to.deep.equal([]);
    expect(failed.map(({ path, error }) => [basename(path), error.code])).to.deep.equal([
      [basename(first.archive), "output-unusable"],
    ]);
  });
});
