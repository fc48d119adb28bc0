import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readdirSync, watch, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "chai";
import type { CreateReport } from "../../lib/report/create-report.js";
import type { ListReport } from "../../lib/report/list-report.js";
import type { PruneReport } from "../../lib/report/prune-report.js";
import { mounts, skip } from "../helpers/mounts.js";
import { contents, tmpDirectory, writeTree } from "../helpers/tree.js";
import { holdstill, MAIN, needs, type Ran } from "./engines.js";
import { freePort } from "../helpers/free-port.js";
import { listening } from "./servers.js";

const PASSWORD = "correct-horse";
const KINDS = ["sftp", "webdav"] as const;

interface Here {
  readonly home: string;
  readonly source: string;
  /** What the server serves. */
  readonly served: string;
  readonly env: Readonly<Record<string, string>>;
}

function archivesIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name !== ".holdstill");
}

interface Failed {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string; readonly path: string };
}

describe("holdstill with rclone", () => {
  const mounted = mounts();
  const servers: ChildProcess[] = [];

  before(function () {
    needs(this, "rclone");
  });
  afterEach(() => {
    for (const server of servers.splice(0)) server.kill("SIGKILL");
  });

  /** A state, and a server of rclone's own on loopback that the configuration knows as `nas`. */
  async function world(kind: (typeof KINDS)[number], served = tmpDirectory(), password = PASSWORD): Promise<Here> {
    const home = tmpDirectory();
    writeTree(join(home, "state"), { agents: { main: { "a.jsonl": "1\n", "b.txt": "b" } } });
    writeFileSync(join(home, "state/large.bin"), randomBytes(3 << 20));
    const port = await freePort();
    const args = ["serve", kind, "--addr", `127.0.0.1:${port}`, "--user", "me", "--pass", PASSWORD, served];
    const server = spawn("rclone", args, { env: { PATH: process.env["PATH"], HOME: home }, stdio: "ignore" });
    servers.push(server);
    await listening(port);
    const { stdout } = spawnSync("rclone", ["obscure", password], { encoding: "utf8" });
    const place =
      kind === "sftp"
        ? ["type = sftp", "host = 127.0.0.1", `port = ${port}`]
        : ["type = webdav", "vendor = other", `url = http://127.0.0.1:${port}/`];
    const config = join(home, "rclone.conf");
    writeFileSync(config, ["[nas]", ...place, "user = me", `pass = ${stdout.trim()}`, ""].join("\n"));
    // One try: what the server refuses it refuses for good.
    const tries = { RCLONE_RETRIES: "1", RCLONE_LOW_LEVEL_RETRIES: "1", RCLONE_CONTIMEOUT: "5s" };
    return {
      ...{ home, source: join(home, "state"), served },
      env: { PATH: process.env["PATH"] ?? "", HOME: home, RCLONE_CONFIG: config, ...tries },
    };
  }

  function backUp(here: Here, ...options: readonly string[]): Ran {
    const args = ["create", "--source", here.source, "--output", "archives", "--to", "rclone:nas:backups"];
    return holdstill([...args, "--json", ...options], here);
  }

  function carried(here: Here, ...options: readonly string[]): CreateReport {
    return document<CreateReport>(backUp(here, ...options));
  }

  function reached<T>(here: Here, ...args: readonly string[]): T {
    return document<T>(holdstill([...args, "--from", "rclone:nas:backups", "--json"], here));
  }

  function document<T>({ status, stdout, stderr }: Ran): T {
    expect({ status, stderr }, stdout).to.deep.equal({ status: 0, stderr: "" });
    return JSON.parse(stdout) as T;
  }

  /** Fails with a code, names nothing secret, and keeps the archive here. */
  function refused(here: Here, status: number, code: string, message: RegExp): void {
    const failed = backUp(here);
    const { error } = JSON.parse(failed.stdout) as Failed;
    expect({ status: failed.status, code: error.code }, failed.stdout).to.deep.equal({ status, code });
    expect(error.message).to.match(message);
    expect(error.hint).to.match(/The archive is here, whole; the next run uploads it\.$/);
    expect(existsSync(error.path)).to.equal(true);
    expect(failed.stdout + failed.stderr).not.to.match(/correct-horse|wrong-horse/);
  }

  for (const kind of KINDS) {
    it(`carries archives to ${kind}, lists, verifies, gives back and prunes them there`, async () => {
      const here = await world(kind);
      const first = carried(here, "--label", "one");
      expect(first.delivered).to.include({ compared: kind === "sftp" ? "sha1" : "reading back" });
      const second = carried(here, "--keep-local", "1");
      expect(second.delivered?.removedLocal).to.deep.equal([basename(first.archive)]);
      const { archives } = reached<ListReport>(here, "list");
      expect(archives.map(({ name }) => name)).to.deep.equal([basename(first.archive), basename(second.archive)]);
      expect(reached(here, "verify", "--all")).to.include({ outcome: "verified" });
      const target = join(here.home, "restored");
      reached(here, "restore", "latest", "--target", target, "--strip");
      expect(contents(target)).to.deep.equal(contents(here.source));
      const { removed } = reached<PruneReport>(here, "prune", "--keep-last", "1");
      expect(removed.map(({ archive }) => archive)).to.deep.equal([`rclone:nas:backups/${basename(first.archive)}`]);
      expect(readdirSync(join(here.served, "backups"))).to.have.members([".holdstill", basename(second.archive)]);
      expect(readdirSync(join(here.served, "backups/.holdstill/index"))).to.have.lengthOf(3);
    });

    it(`keeps the archive where the connection to ${kind} is cut in the middle, and uploads it the next time`, async () => {
      const here = await world(kind);
      writeFileSync(join(here.source, "large.bin"), randomBytes(64 << 20));
      const args = ["create", "--source", here.source, "--output", "archives", "--to", "rclone:nas:backups", "--json"];
      mkdirSync(join(here.served, "backups"));
      const watcher = watch(join(here.served, "backups"), (_, name) => {
        if (name?.endsWith(".partial")) servers[0]?.kill("SIGKILL");
      });
      const env = { ...here.env, RCLONE_BWLIMIT: "8M" };
      const child = spawn(process.execPath, [MAIN, ...args], {
        cwd: here.home,
        env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let out = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
      const status = await new Promise((resolve) => child.on("close", resolve));
      watcher.close();
      const { error } = JSON.parse(out) as Failed;
      expect({ status, code: error.code }, out).to.deep.equal({ status: 73, code: "output-unusable" });
      expect(existsSync(error.path)).to.equal(true);
      // Another server for the same directory: that its port is another is the configuration's affair.
      const again = await world(kind, here.served);
      const { delivered } = carried({ ...here, env: again.env });
      expect(delivered?.resumed).to.deep.equal([basename(error.path)]);
      expect(readdirSync(join(here.served, "backups")).filter((name) => name.endsWith(".partial"))).to.deep.equal([]);
    });

    it(`exits 12 where ${kind} refuses the password`, async () => {
      refused(await world(kind, tmpDirectory(), "wrong-horse"), 12, "wrong-key", /refused by the remote/);
    });

    it(`exits 73 where nobody answers, and where the remote has no such name (${kind})`, async () => {
      const here = await world(kind);
      servers[0]?.kill("SIGKILL");
      refused(here, 73, "output-unusable", /connection refused/);
      writeFileSync(here.env["RCLONE_CONFIG"] ?? "", "");
      refused(here, 73, "output-unusable", /find section/);
    });
  }

  it("exits 73 where the remote may not be written to, and 13 where it is full", async function () {
    if (process.getuid?.() !== 0) skip(this, "mounting needs root");
    const full = mounted.make(this, "tmpfs", 2);
    refused(await world("sftp", full), 13, "no-space", /no space/);
    expect(spawnSync("mount", ["-o", "remount,ro", full]).status).to.equal(0);
    refused(await world("sftp", full), 73, "output-unusable", /cannot use the remote/);
  });

  it("hears what rclone says, whatever its environment does with that", async () => {
    const here = await world("sftp");
    const env = { ...here.env, RCLONE_PROGRESS: "true", RCLONE_VERBOSE: "2", RCLONE_LOG_FILE: join(here.home, "log") };
    const { archive } = carried({ ...here, env });
    const { archives } = reached<ListReport>({ ...here, env }, "list");
    expect(archives.map(({ name }) => name)).to.deep.equal([basename(archive)]);
    servers[0]?.kill("SIGKILL");
    refused({ ...here, env }, 73, "output-unusable", /connection refused/);
  });

  for (const kind of KINDS) {
    it(`lets two machines upload to the same directory at once (${kind})`, async () => {
      const here = await world(kind);
      // A WebDAV server may refuse to make one directory for two at once: 423 Locked.
      carried(here);
      const before = archivesIn(join(here.served, "backups"));
      writeFileSync(join(here.source, "large.bin"), randomBytes(8 << 20));
      const env = { ...here.env, RCLONE_BWLIMIT: "8M" };
      // Labels, since both may begin in the same millisecond: then their archives would have one name.
      const machines = ["one", "two"].map((output) => {
        const options = ["--output", output, "--label", output, "--to", "rclone:nas:backups"];
        const args = ["create", "--source", here.source, ...options, "--json"];
        return spawn(process.execPath, [MAIN, ...args], { cwd: here.home, env, stdio: "ignore" });
      });
      const codes = machines.map((each) => new Promise((resolve) => each.on("close", resolve)));
      expect(await Promise.all(codes)).to.deep.equal([0, 0]);
      const kept = ["one", "two"].flatMap((output) => archivesIn(join(here.home, output)));
      expect(archivesIn(join(here.served, "backups")))
        .to.have.members([...before, ...kept])
        .and.have.lengthOf(3);
      expect(reached(here, "verify", "--all")).to.include({ outcome: "verified" });
    });
  }

  it("reads back what a crypt remote holds, and says so", async () => {
    const here = await world("sftp");
    const { stdout } = spawnSync("rclone", ["obscure", PASSWORD], { encoding: "utf8" });
    const crypt = ["[sealed]", "type = crypt", "remote = nas:sealed", `password = ${stdout.trim()}`, ""].join("\n");
    appendFileSync(here.env["RCLONE_CONFIG"] ?? "", crypt);
    const place = "rclone:sealed:backups";
    const { archive, delivered } = document<CreateReport>(
      holdstill(["create", "--source", here.source, "--output", "archives", "--to", place, "--json"], here),
    );
    expect(delivered).to.include({ to: place, compared: "reading back" });
    expect(Object.keys(contents(here.served)).join()).not.to.match(/holdstill|directory|backups/);
    const { archives } = document<ListReport>(holdstill(["list", "--from", place, "--json"], here));
    expect(archives.map(({ name }) => name)).to.deep.equal([basename(archive)]);
    const target = join(here.home, "restored");
    document(holdstill(["restore", "latest", "--from", place, "--target", target, "--strip", "--json"], here));
    expect(contents(target)).to.deep.equal(contents(here.source));
  });

  it("exits 10 where the remote has no such directory, and 13 where what it fetches does not fit here", async function () {
    if (process.getuid?.() !== 0) skip(this, "mounting needs root");
    const here = await world("sftp");
    for (const args of [["list"], ["verify", "--all"], ["prune", "--keep-last", "1"]]) {
      const { status, stderr } = holdstill([...args, "--from", "rclone:nas:elsewhere"], here);
      expect({ status, stderr: stderr.split("\n")[0] }).to.deep.equal({
        ...{ status: 10, stderr: "holdstill: there is no such directory on the remote: rclone:nas:elsewhere" },
      });
    }
    carried(here);
    const TMPDIR = mounted.make(this, "tmpfs", 2);
    const { status, stderr } = holdstill(["verify", "latest", "--from", "rclone:nas:backups"], {
      ...{ ...here, env: { ...here.env, TMPDIR } },
    });
    expect({ status, stderr: stderr.split("\n")[0] }).to.deep.equal({
      ...{ status: 13, stderr: `holdstill: no space is left for temporary files: ${TMPDIR}` },
    });
    expect(readdirSync(TMPDIR)).to.deep.equal([]);
  });

  it("shows no secret of a remote that is spelt out, in no argument of rclone's, no report and no record", async () => {
    const here = await world("webdav");
    const { stdout } = spawnSync("rclone", ["obscure", PASSWORD], { encoding: "utf8" });
    const [, url = ""] =
      /url = (\S+)/.exec(spawnSync("cat", [here.env["RCLONE_CONFIG"] ?? ""]).stdout.toString()) ?? [];
    const bin = tmpDirectory();
    const log = join(bin, "log");
    const { stdout: real } = spawnSync("sh", ["-c", "command -v rclone"], { encoding: "utf8" });
    const script = `#!/bin/sh\necho "$@" >> ${log}\nexec ${real.trim()} "$@"\n`;
    writeFileSync(join(bin, "rclone"), script, { mode: 0o755 });
    const secret = stdout.trim();
    const to = `rclone::webdav,url='${url}',vendor=other,user=me,pass=${secret}:backups`;
    const args = ["create", "--source", here.source, "--output", "archives", "--json", "--to", to];
    const ran = holdstill(args, { ...here, env: { ...here.env, PATH: `${bin}:${here.env["PATH"]}` } });
    expect(ran.status, ran.stderr + ran.stdout).to.equal(0);
    expect(readdirSync(bin)).to.include("log");
    const kept = Object.values(contents(join(here.home, "archives/.holdstill"))).join("\n");
    expect([ran.stdout, ran.stderr, contents(bin)["log"], kept].join("\n")).not.to.include(secret);
  });
});
