import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "chai";
import type { CreateReport } from "../../lib/report/create-report.js";
import type { ListReport } from "../../lib/report/list-report.js";
import type { PruneReport } from "../../lib/report/prune-report.js";
import { contents } from "../helpers/tree.js";
import { holdstill, needs, run, sessions, type Sessions } from "./engines.js";
import { s3Server, type S3 } from "./servers.js";

const BUCKET = "bucket";

describe("a store that speaks S3", () => {
  const servers: ChildProcess[] = [];
  let server: S3;
  let here: Sessions;

  before(function () {
    needs(this, "rclone", "restic", "openssl");
  });
  beforeEach(async function () {
    server = await s3Server(this, BUCKET, servers);
    here = sessions({ ...server.env, RESTIC_PASSWORD: "correct-horse", RCLONE_CONFIG: "rclone.conf" });
    writeFileSync(
      join(here.home, "rclone.conf"),
      ["[s3]", "type = s3", "provider = Other", "env_auth = true", `endpoint = ${server.url}`, ""].join("\n"),
    );
  });
  afterEach(() => {
    for (const each of servers.splice(0)) each.kill("SIGKILL");
  });

  function done<T>(...args: readonly string[]): T {
    const { status, stdout, stderr } = holdstill([...args, "--json"], here);
    expect({ status, stderr }, stdout).to.deep.equal({ status: 0, stderr: "" });
    return JSON.parse(stdout) as T;
  }

  /** Lists, checks and restores the second of two backups, and removes the first. */
  function expectReachable(place: string, names: readonly string[]): void {
    const { archives } = done<ListReport>("list", "--from", place);
    expect(archives.map(({ name }) => name)).to.deep.equal(names);
    expect(done("verify", "--all", "--from", place)).to.include({ outcome: "verified" });
    done("restore", "latest", "--from", place, "--target", join(here.home, "restored"), "--strip");
    expect(contents(join(here.home, "restored"))).to.deep.equal(contents(here.source));
    const { removed } = done<PruneReport>("prune", "--from", place, "--keep-last", "1");
    expect(removed).to.have.lengthOf(1);
    expect(done<ListReport>("list", "--from", place).archives.map(({ name }) => name)).to.deep.equal(names.slice(1));
  }

  it("takes what rclone uploads, and tells its digest", () => {
    const place = `rclone:s3:${BUCKET}/archives`;
    const create = (): CreateReport => done("create", "--source", here.source, "--output", "archives", "--to", place);
    const [first, second] = [create(), create()];
    expect(first.delivered).to.include({ compared: "md5" });
    expectReachable(place, [basename(first.archive), basename(second.archive)]);
  });

  it("holds a repository of restic's", () => {
    const repository = `s3:${server.url}/${BUCKET}/repository`;
    expect(run("restic", ["-r", repository, "init"], here)).to.include({ status: 0 });
    const place = `restic:${repository}`;
    const create = (): string => done<{ snapshot: string }>("create", "--source", here.source, "--to", place).snapshot;
    expectReachable(
      place,
      [create(), create()].map((id) => id.slice(0, 8)),
    );
  });

  it("refuses a key that it does not know: exit code 12", () => {
    const own = { ...here, env: { ...here.env, AWS_ACCESS_KEY_ID: "nobody", RCLONE_RETRIES: "1" } };
    for (const place of [`rclone:s3:${BUCKET}/archives`, `restic:s3:${server.url}/${BUCKET}/repository`]) {
      const { status, stderr } = holdstill(["list", "--from", place], own);
      expect({ place, status }, stderr).to.deep.equal({ place, status: 12 });
      expect(stderr).to.match(/^holdstill: r\w+ is refused by .*Access Key Id/);
    }
  });
});
