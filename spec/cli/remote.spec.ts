import { expect } from "chai";
import { run } from "../../lib/cli/program.js";
import type { UseCases } from "../../lib/cli/use-cases.js";
import { effective } from "../../lib/config/effective.js";
import type { Given } from "../../lib/config/settings.js";
import type { Destination } from "../../lib/destination.js";
import type { Remote, RemoteOptions } from "../../lib/remote.js";
import type { ListedSnapshot } from "../../lib/report/list-report.js";
import type { PruneReport } from "../../lib/report/prune-report.js";
import { collectingShell, only } from "./collecting-shell.js";

const ROW: ListedSnapshot = {
  ...{ archive: "restic:/r", name: "abc123", ok: true, id: "1", snapshot: "abc123ff", host: "h", profile: "directory" },
  ...{
    createdAt: "2026-11-26",
    ageMs: 7000,
    sources: ["/s"],
    files: 2,
    bytes: 2048,
    complete: false,
    incomplete: true,
  },
};
const PRUNED: PruneReport = {
  ...{
    outcome: "planned",
    directories: ["restic:/r"],
    kept: [],
    failed: [],
    damaged: [],
    notOurs: [],
    freedBytes: null,
  },
  groups: [{ profile: "directory", host: "h", sources: ["/s"] }],
  removed: [{ archive: "abc123ff", createdAt: "2026-11-26", bytes: null, group: 0 }],
};

/** Runs a command against a remote that notes what it is asked. */
async function ask(...given: readonly (string | Given)[]) {
  const args = given.filter((each) => typeof each === "string");
  const file = given.find((each) => typeof each !== "string") ?? {};
  const asked: unknown[] = [];
  const note = <T>(answer: T, ...what: readonly unknown[]): Promise<T> => {
    asked.push(...what);
    return Promise.resolve(answer);
  };
  const remote: Remote = {
    list: () => note({ outcome: "listed", archives: [ROW] }, "list"),
    names: () => note(["", "x"], "names"),
    verify: (name) => note({ archive: name, ok: true, readData: "5%" }, `verify ${name}`),
    restore: ({ archive, target }) => Promise.reject(new Error(`restore ${archive} ${target}`)),
    prune: (policy, prunes) => note(PRUNED, prunes, policy.keepLast),
  };
  const at = async (destination: Destination, { readDataSubset }: RemoteOptions): Promise<Remote> => {
    asked.push(destination.engine, ...(readDataSubset === undefined ? [] : [readDataSubset]));
    return remote;
  };
  const { shell, out, err } = collectingShell();
  const configure: UseCases["configure"] = async (options) =>
    effective({ options: { ...file, ...options }, environment: {}, file: undefined });
  const list = () => Promise.resolve({ outcome: "listed", archives: [] } as const);
  const code = await run(args, shell, only({ configure, list, remote: at }));
  return { code, out: out(), err: err(), asked };
}

describe("--from on the command line", () => {
  it("lists what restic keeps, in the same table", async () => {
    expect(await ask("list", "--from", "restic:/r")).to.deep.equal({
      ...{ code: 0, err: "", asked: ["restic", "list"] },
      out:
        "name    age  label  files    bytes  archive  verified  skipped  incomplete\n" +
        "abc123  7 s             2  2.0 KiB                              yes\n",
    });
  });

  it("verifies one by its name, and all that there is", async () => {
    const one = await ask("verify", "latest", "--from", "rclone:nas:b");
    expect(one.asked).to.deep.equal(["rclone", "verify latest"]);
    expect(one.out).to.equal("latest: good, by restic check; 5% of its data was read\n");
    const { asked } = await ask("verify", "--all", "--from", "restic:", "--read-data-subset", "5%");
    expect(asked).to.deep.equal(["restic", "5%", "names", "verify ", "verify x"]);
  });

  it("gives the name and the target on", async () => {
    const { err } = await ask("restore", "latest", "--from", "restic:/r", "--target", "/t");
    expect(err).to.include("restore latest /t");
  });

  it("prunes, or only plans, without sizes that nobody knows", async () => {
    const planned = await ask("prune", "--keep-last", "1", "--dry-run", "--from", "restic:/r");
    expect(planned.asked).to.deep.equal(["restic", "plan", 1]);
    expect(planned.out).to.equal("remove  abc123ff\nWould remove 1 archive; 0 archives would stay.\n");
    expect((await ask("prune", "--keep-last", "2", "--from", "restic:/r")).asked).to.deep.equal(["restic", "prune", 2]);
  });

  it("is what is configured, unless an archive directory is named", async () => {
    const configured = { destination: "restic:/configured" };
    expect((await ask(configured, "list")).asked).to.deep.equal(["restic", "list"]);
    expect((await ask(configured, "list", "--output", "/d")).asked).to.deep.equal([]);
  });

  for (const args of [
    ["list", "--from", "ftp:x"],
    ["list", "--from", "restic:/r", "--output", "/d"],
    ["verify", "--all", "--read-data-subset", "5%"],
    ["verify", "latest", "--from", "restic:/r", "--read-data-subset", "5%"],
    ["verify", "--all", "--from", "rclone:nas:b", "--read-data-subset", "5%"],
    ["verify", "--all", "--from", "restic:/r", "--read-data-subset", "much"],
    ["create", "--keep-local", "2"],
    ["create", "--keep-local", "2", "--to", "restic:/r"],
  ]) {
    it(`refuses "${args.join(" ")}" with 64, and asks nobody`, async () => {
      const { code, asked } = await ask(...args);
      expect({ code, asked }).to.deep.equal({ code: 64, asked: [] });
    });
  }
});
