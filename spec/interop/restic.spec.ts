import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { watch } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { ListedSnapshot } from "../../lib/report/list-report.js";
import type { PruneReport } from "../../lib/report/prune-report.js";
import type { RestoreReport } from "../../lib/report/restore-report.js";
import type { ResticReport } from "../../lib/report/restic-report.js";
import { mounts, skip } from "../helpers/mounts.js";
import { STATE, openclawState, rows } from "../helpers/openclaw-state.js";
import { contents } from "../helpers/tree.js";
import { holdstill, needs, run, sessions, type Ran, type Sessions } from "./engines.js";
import { freePort } from "../helpers/free-port.js";
import { listening, sshd } from "./servers.js";

const PASSWORD = "correct horse battery staple";
const HEAD = ["create", "--to"];

interface Failed {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

/** A state, and an empty repository of restic for it. */
function world(name = "repository"): Sessions & { readonly repository: string } {
  const here = sessions({ RESTIC_PASSWORD: PASSWORD });
  const repository = join(here.home, name);
  expect(run("restic", ["-r", repository, "init"], here)).to.include({ status: 0 });
  return { ...here, repository };
}

function backUp(here: Sessions, to: string, ...options: readonly string[]): Ran {
  return holdstill([...HEAD, to, "--source", here.source, ...options], here);
}

function stored(here: Sessions, to: string, ...options: readonly string[]): ResticReport {
  const { status, stdout, stderr } = backUp(here, to, "--json", ...options);
  expect({ status, stderr }, stdout).to.deep.equal({ status: 0, stderr: "" });
  expect(readdirSync(here.home).filter((name) => name.startsWith(".holdstill"))).to.deep.equal([]);
  return JSON.parse(stdout) as ResticReport;
}

function snapshotsOf(here: Sessions): unknown[] {
  return JSON.parse(run("restic", ["-r", "repository", "snapshots", "--json"], here).stdout) as unknown[];
}

describe("holdstill with restic", () => {
  const mounted = mounts();
  const daemons: ChildProcess[] = [];

  before(function () {
    needs(this, "restic");
  });
  afterEach(() => {
    for (const daemon of daemons.splice(0)) daemon.kill("SIGKILL");
  });

  it("stores a snapshot with host and tags, and reads only what changed the next time", () => {
    const here = world();
    const to = `restic:${here.repository}`;
    const first = stored(here, to, "--label", "pre-upgrade");
    // The index and the manifest beside the tree are files too, and are always new.
    expect(first.restic).to.include({ filesNew: here.files + 2, filesChanged: 0, filesUnmodified: 0 });
    expect(first).to.include({ outcome: "published", destination: to, complete: true });
    const changed = here.change();
    const second = stored(here, to);
    expect(second.restic).to.include({ filesNew: 0, filesChanged: changed + 2, filesUnmodified: here.files - changed });

    const listed = run("restic", ["-r", here.repository, "snapshots", "--json"], here).stdout;
    const [one, two] = JSON.parse(listed) as { id: string; parent?: string; hostname: string; tags: string[] }[];
    expect(one?.id.startsWith(first.snapshot)).to.equal(true);
    expect(two?.id.startsWith(second.snapshot)).to.equal(true);
    expect(two?.parent).to.equal(one?.id);
    expect(one?.tags).to.deep.equal([
      ...["holdstill", "profile=directory", "label=pre-upgrade", `id=${first.id}`, `source=${here.source}`],
      ...["files=2000", `bytes=${first.counts.bytes}`],
    ]);
  });

  it("gives back the tree and the index of what is in it", () => {
    const here = world();
    stored(here, "restic:repository");
    const target = join(here.home, "restored");
    run("restic", ["-r", here.repository, "restore", "latest", "--target", target], here);
    const [tree = ""] = readdirSync(target, { recursive: true, encoding: "utf8" }).filter((path) =>
      /\/tree$/.test(path),
    );
    expect(contents(join(target, tree))).to.deep.equal(contents(here.source));
    const index = readFileSync(join(target, tree, "../index.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    expect(index.filter((line) => line.startsWith('{"type":"file"'))).to.have.lengthOf(here.files);
  });

  /** Runs a command on the repository, and gives the document that it prints. */
  function reached<T>(here: Sessions, ...args: readonly string[]): T {
    const { status, stdout, stderr } = holdstill([...args, "--from", "restic:repository", "--json"], here);
    expect({ status, stderr }, stdout).to.deep.equal({ status: 0, stderr: "" });
    return JSON.parse(stdout) as T;
  }

  it("lists, verifies and gives back what it has stored, file for file", () => {
    const here = world();
    for (const name of ["sessions.jsonl", "sessions-old"])
      writeFileSync(join(here.source, "agents/main", name), `${name}\n`);
    const { snapshot, id, counts } = stored(here, "restic:repository", "--label", "one");
    const { archives } = reached<{ archives: ListedSnapshot[] }>(here, "list");
    expect(archives).to.have.lengthOf(1);
    expect(archives[0]).to.deep.include({ id, label: "one", sources: [here.source], complete: true });
    expect(archives[0]).to.include({ files: counts.files, bytes: counts.bytes });
    expect(archives[0]?.snapshot.startsWith(snapshot)).to.equal(true);
    expect(reached(here, "verify", "latest")).to.include({ ok: true, id, files: counts.files });
    expect(reached(here, "verify", "--all", "--read-data-subset", "50%")).to.include({ outcome: "verified" });
    const target = join(here.home, "restored");
    const restored = reached<RestoreReport>(here, "restore", snapshot, "--target", target, "--strip");
    expect(restored).to.include({ outcome: "restored", complete: true });
    expect(contents(target)).to.deep.equal(contents(here.source));
    const part = join(here.home, "part");
    reached(here, "restore", "latest", "--target", part, "--strip", "--include", "sessions-*");
    expect(readdirSync(join(part, "agents/main"))).to.deep.equal(["sessions-old"]);
  });

  it("gives an OpenClaw state back without leases and pending deliveries, and tells how to put it into place", () => {
    const here = world();
    const state = openclawState(here.home);
    const created = holdstill(["create", "--to", "restic:repository", "--json"], here);
    expect(created.status, created.stderr + created.stdout).to.equal(0);
    const target = join(here.home, "restored");
    const report = reached<RestoreReport>(here, "restore", "latest", "--target", target, "--strip");
    expect(report.dropped?.rows).to.deep.equal({
      state_leases: 1,
      agent_database_leases: 0,
      delivery_queue_entries: 3,
    });
    expect(rows(join(target, STATE), "delivery_queue_entries", "kept")).to.deep.equal({
      delivery_queue_entries: 0,
      kept: 1,
    });
    expect(report.nextSteps).to.include(`  mv -T ${target} ${state}`);
  });

  it("exits 4 where what is stored is damaged", () => {
    const here = world();
    stored(here, "restic:repository");
    const data = join(here.repository, "data");
    // What is missing altogether, restic waits for.
    for (const path of readdirSync(data, { recursive: true, encoding: "utf8" })) {
      if (path.length < 60) continue;
      const pack = readFileSync(join(data, path));
      pack.writeUInt8(pack.readUInt8(pack.length >> 1) ^ 1, pack.length >> 1);
      rmSync(join(data, path));
      writeFileSync(join(data, path), pack);
    }
    const failed = holdstill(["verify", "--all", "--from", "restic:repository"], here);
    expect(failed.status).to.equal(4);
    expect(failed.stderr).to.match(/^holdstill: restic finds the repository damaged: .*\nRun restic check/);
  });

  it("prunes by our rules: of each group the newest stays, and what others stored does", () => {
    const here = world();
    const other = join(here.home, "other");
    mkdirSync(other);
    writeFileSync(join(other, "a"), "a");
    const { snapshot: first } = stored(here, "restic:repository");
    holdstill(["create", "--to", "restic:repository", "--source", other], here);
    run("restic", ["-r", here.repository, "backup", "other"], here);
    stored(here, "restic:repository");
    const plan = reached<PruneReport>(here, "prune", "--keep-last", "1", "--dry-run");
    expect(plan.removed.map(({ archive }) => archive.startsWith(first))).to.deep.equal([true]);
    expect(snapshotsOf(here)).to.have.lengthOf(4);
    expect(reached<PruneReport>(here, "prune", "--keep-last", "1").removed).to.deep.equal(plan.removed);
    expect(snapshotsOf(here)).to.have.lengthOf(3);
    stored(here, "restic:repository", "--prune", "--keep-last", "1");
    expect(snapshotsOf(here)).to.have.lengthOf(3);
    expect(run("restic", ["-r", here.repository, "check"], here).status).to.equal(0);
  });

  it("takes repository and password from restic's own environment", () => {
    const here = world();
    const file = join(here.home, "password");
    writeFileSync(file, PASSWORD);
    const { RESTIC_PASSWORD: _, ...env } = here.env;
    const own = { ...here, env: { ...env, RESTIC_PASSWORD_FILE: "password", RESTIC_REPOSITORY: here.repository } };
    expect(stored(own, "restic:")).to.include({ destination: `restic:${here.repository}` });
  });

  it("stores over SFTP", async function () {
    needs(this, "sshd", "ssh-keygen");
    if (process.getuid?.() !== 0) skip(this, "an sshd of its own needs root");
    const here = sessions({ RESTIC_PASSWORD: PASSWORD });
    const { port, path } = await sshd(daemons);
    const own = { ...here, env: { ...here.env, PATH: `${path}:${here.env["PATH"]}` } };
    const repository = `sftp://root@127.0.0.1:${port}/${here.home}/repository`;
    expect(run("restic", ["-r", repository, "init"], own)).to.include({ status: 0 });
    const first = stored(own, `restic:${repository}`);
    expect(first.restic).to.include({ filesNew: here.files + 2 });
    const changed = here.change();
    expect(stored(own, `restic:${repository}`).restic).to.include({ filesChanged: changed + 2 });
  });

  it("stores on a REST server, and exits 12 where that refuses the password", async function () {
    needs(this, "rclone");
    const here = sessions({ RESTIC_PASSWORD: PASSWORD });
    const port = await freePort();
    const args = ["serve", "restic", "--addr", `127.0.0.1:${port}`, "--user", "me", "--pass", "secret"];
    daemons.push(spawn("rclone", [...args, join(here.home, "served")], { env: here.env, stdio: "ignore" }));
    await listening(port);
    const at = (password: string): string => `rest:http://me:${password}@127.0.0.1:${port}/repository`;
    expect(run("restic", ["-r", at("secret"), "init"], here)).to.include({ status: 0 });
    const to = `restic:${at("secret")}`;
    const { destination, restic } = stored(here, to);
    expect(destination).to.equal(`restic:${at("***")}`);
    expect(restic).to.include({ filesNew: here.files + 2 });
    stored(here, to);
    const { stdout } = holdstill(["prune", "--from", to, "--keep-last", "1", "--json"], here);
    expect((JSON.parse(stdout) as PruneReport).removed).to.have.lengthOf(1);
    expect(holdstill(["verify", "--all", "--from", to], here)).to.deep.equal({
      ...{ status: 0, stdout: `${destination}: good, by restic check; 100% of its data was read\n`, stderr: "" },
    });
    refused(here, `restic:${at("secrets")}`, 12, "wrong-key", /^restic is refused by the server/);
  });

  /** Fails with a code, names nothing secret, and leaves neither stage nor snapshot. */
  function refused(here: Sessions, to: string, status: number, code: string, message: RegExp): void {
    const failed = backUp(here, to, "--json");
    const { error } = JSON.parse(failed.stdout) as Failed;
    expect({ status: failed.status, stderr: failed.stderr, code: error.code }).to.deep.equal({
      status,
      stderr: "",
      code,
    });
    expect(error.message).to.match(message);
    expect(error.hint).not.to.equal(undefined);
    expect(failed.stdout).not.to.match(/secret|horse/);
    expect(readdirSync(here.home).filter((name) => name.startsWith(".holdstill"))).to.deep.equal([]);
  }

  it("exits 12 for a wrong password and for none", () => {
    const here = world();
    const wrong = { ...here, env: { ...here.env, RESTIC_PASSWORD: "secret" } };
    refused(wrong, `restic:${here.repository}`, 12, "wrong-key", /with this password: wrong password/);
    const { RESTIC_PASSWORD: _, ...env } = here.env;
    refused({ ...here, env }, `restic:${here.repository}`, 12, "wrong-key", /password/);
  });

  it("exits 73 where there is no repository, and where nobody answers, without the password of its URL", () => {
    const here = sessions({ RESTIC_PASSWORD: PASSWORD });
    refused(here, "restic:nowhere", 73, "output-unusable", /^restic cannot use the repository: unable to open config/);
    refused(here, "restic:rest:http://me:secret@127.0.0.1:1/", 73, "output-unusable", /me:\*\*\*@127\.0\.0\.1/);
  });

  it("exits 73 where the repository may not be written to", function () {
    if (process.getuid?.() !== 0) skip(this, "mounting needs root");
    const here = sessions({ RESTIC_PASSWORD: PASSWORD });
    const point = mounted.make(this, "tmpfs", 64);
    run("restic", ["-r", join(point, "repository"), "init"], here);
    expect(spawnSync("mount", ["-o", "remount,ro", point]).status).to.equal(0);
    refused(here, `restic:${point}/repository`, 73, "output-unusable", /read-only file system/);
  });

  it("exits 13 where the repository's disk is full", function () {
    if (process.getuid?.() !== 0) skip(this, "mounting needs root");
    const here = sessions({ RESTIC_PASSWORD: PASSWORD });
    for (let index = 0; index < 8; index++) writeFileSync(join(here.source, `${index}.bin`), randomBytes(1 << 20));
    const point = mounted.make(this, "tmpfs", 4);
    run("restic", ["-r", join(point, "repository"), "init"], here);
    refused(here, `restic:${point}/repository`, 13, "no-space", /no space/);
  });

  it("exits 11 where another restic has locked the repository", async () => {
    const here = world();
    const locks = watch(join(here.repository, "locks"));
    const checking = spawn("restic", ["-r", here.repository, "check"], { env: here.env, stdio: "ignore" });
    daemons.push(checking);
    // It is renamed into its place, and restic looks around for a moment before it goes on.
    for await (const { filename } of locks) if (filename !== null && !filename.includes("tmp")) break;
    checking.kill("SIGSTOP");
    refused(here, `restic:${here.repository}`, 11, "locked", /already locked/);
  });

  it("exits 73 where restic is not installed, and says how to install it", () => {
    const here = sessions({ RESTIC_PASSWORD: PASSWORD, PATH: "/nonexistent" });
    refused(here, "restic:repository", 73, "output-unusable", /^restic is not installed$/);
  });
});
