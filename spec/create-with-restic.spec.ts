import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { createWithRestic } from "../lib/create-with-restic.js";
import { destinationOf, withoutSecrets } from "../lib/destination.js";
import { HoldstillError } from "../lib/errors.js";
import type { ResticReport } from "../lib/report/restic-report.js";
import { resticFailure } from "../lib/restic/failure.js";
import { DEFAULTS, surroundings } from "./helpers/run.js";
import { tmpDirectory, tmpTree } from "./helpers/tree.js";

const SUMMARY = '{"message_type":"summary","files_new":2,"data_added":10,"snapshot_id":"abc123"}';

/** Of the tags that restic is given, as restic lists them. */
const LIST = `echo "$@" | sed 's/.*--tag id=\\([^ ]*\\) .*/[{"id":"fff000","time":"2026-11-26T00:00:00Z","hostname":"h","paths":[],"tags":["holdstill","profile=directory","id=\\1"]}]/'`;

/**
 * Runs with a program in restic's place that notes its arguments, and does what a line of shell says where it is to back
 * up. It lists one snapshot, with the tags that it was given last.
 */
async function withFake(line: string, env: Readonly<Record<string, string>> = {}, repository = "/repository") {
  const source = tmpTree({ "a.txt": "a" });
  const bin = tmpDirectory();
  const log = join(bin, "log");
  const script = `#!/bin/sh\necho "$@" >> ${log}\n\
case "$1" in cat|tag|forget) exit 0;; snapshots) cat ${log}.snapshots; exit 0;; esac\n${LIST} > ${log}.snapshots\n${line}\n`;
  writeFileSync(join(bin, "restic"), script, { mode: 0o755 });
  const around = surroundings({ env: { PATH: `${bin}:${process.env["PATH"]}`, ...env } });
  const outcome: ResticReport | HoldstillError = await createWithRestic(
    { ...DEFAULTS, sources: [source] },
    { engine: "restic", repository },
    around,
  ).catch((error: unknown) => {
    if (error instanceof HoldstillError) return error;
    throw error;
  });
  expect(readdirSync(dirname(source))).to.deep.equal(["source"]);
  return { outcome, events: around.events, calls: readFileSync(log, "utf8").trimEnd().split("\n") };
}

describe("backing up with restic", () => {
  it("tells restic of repository and password by its environment alone", async () => {
    const url = "rest:http://me:secret@nas/";
    const line = `echo "$RESTIC_REPOSITORY" | grep -q :secret@ && test "$RESTIC_PASSWORD" = hidden && echo '${SUMMARY}'`;
    const { outcome, calls } = await withFake(line, { RESTIC_PASSWORD: "hidden", RESTIC_HOST: "other" }, url);
    expect(outcome).to.include({ snapshot: "abc123", destination: "restic:rest:http://me:***@nas/", complete: true });
    expect(JSON.stringify([outcome, calls])).not.to.match(/secret|hidden/);
    expect(calls[0]).to.equal("cat config --no-lock");
    expect(calls[1]).to.match(
      /^backup --json --host other --tag holdstill .* --ignore-ctime --ignore-inode -- \/\S*\/tree \/\S*\/index.jsonl \/\S*\/manifest.json$/,
    );
  });

  it("passes restic's progress on", async () => {
    const status = '{"message_type":"status","files_done":7,"bytes_done":70}';
    const { events } = await withFake(`echo '${status}'; echo 'no JSON'; echo '${SUMMARY}'`);
    const begun = events.findIndex((event) => event.type === "phase" && event.phase === "store");
    expect(events.slice(begun + 1)).to.deep.include({ type: "progress", files: 7, bytes: 70 });
  });

  it("is incomplete where restic could not read everything, and tagged so, by which restic names it anew", async () => {
    const { outcome, calls } = await withFake(`echo '${SUMMARY}'; exit 3`);
    expect(calls).to.include("tag --add incomplete abc123");
    expect(outcome).to.include({ snapshot: "fff000", complete: false });
  });

  it("tells by tags of what the snapshot is", async () => {
    const { calls } = await withFake(`echo '${SUMMARY}'`);
    expect(calls[1]).to.match(/ --tag source=\/\S+ --tag files=1 --tag bytes=1 /);
  });

  it("fails where restic ends without a snapshot, whatever its exit code", async () => {
    expect((await withFake("exit 0")).outcome)
      .to.be.instanceOf(HoldstillError)
      .that.includes({ code: "io" });
    const killed = (await withFake("kill -KILL $$")).outcome;
    expect(killed).to.include({ code: "io", message: "restic failed: exit code SIGKILL" });
  });
});

describe("what restic says when it fails", () => {
  const SAID: readonly (readonly [exitCode: number, said: string, code: string])[] = [
    [1, "Fatal: wrong password or no key found", "wrong-key"],
    [12, "Fatal: anything", "wrong-key"],
    [1, "Fatal: an empty password is not a password", "wrong-key"],
    [1, "Fatal: unable to open config file: stat /r/config: no such file or directory", "output-unusable"],
    [10, "Fatal: repository does not exist", "output-unusable"],
    [1, "unable to create lock in backend: repository is already locked exclusively by PID 1", "locked"],
    [11, "", "locked"],
    [1, "Fatal: write /r/tmp: no space left on device", "no-space"],
    [1, "Fatal: repository contains errors", "bad-archive"],
    [1, "Fatal: unable to open config file: unexpected HTTP response (401): 401 Unauthorized", "wrong-key"],
    [1, "Fatal: unable to open config file: Stat: Access Denied.", "wrong-key"],
    [1, "Fatal: unable to open config file: Stat: The AWS Access Key Id you provided does not exist.", "wrong-key"],
    [1, "Fatal: something else", "io"],
  ];
  for (const [exitCode, said, code] of SAID) {
    it(`is ${code}: ${exitCode}, "${said}"`, () => expect(resticFailure(exitCode, said)).to.include({ code }));
  }

  it("is told without the passwords in URLs", () => {
    expect(resticFailure(1, "Fatal: unable to open config file: https://me:secret@nas/").message).to.equal(
      "restic cannot use the repository: unable to open config file: https://me:***@nas/",
    );
  });

  it("is told by what it ends with, and not by what it tried before", () => {
    const said =
      "Save(<data/0123>) returned error, retrying: no space left\nFatal: unable to save snapshot: no space left on device\n";
    expect(resticFailure(1, said).message).to.equal(
      "no space is left for restic's repository: unable to save snapshot: no space left on device",
    );
  });

  it("is told by what ssh says", () => {
    const said = "subprocess ssh: nas: Permission denied (publickey).\nFatal: unable to open repository: EOF\n";
    expect(resticFailure(1, said).message).to.equal(
      "restic cannot use the repository: unable to open repository: EOF (ssh: nas: Permission denied (publickey).)",
    );
  });

  it("is of the server where that is what refuses", () => {
    const { message, hint } = resticFailure(1, "Fatal: unexpected HTTP response (401): 401 Unauthorized");
    expect(message).to.match(/^restic is refused by the server of the repository: unexpected/);
    expect(hint).to.match(/^Check user and password/);
  });

  it("is told by the message where it is JSON, as since 0.17", () => {
    const said = '{"message_type":"exit_error","code":10,"message":"Fatal: repository does not exist: /r"}\n';
    expect(resticFailure(10, said).message).to.equal("restic cannot use the repository: repository does not exist: /r");
    expect(resticFailure(1, "{no JSON").message).to.equal("restic failed: {no JSON");
  });
});

describe("a destination", () => {
  it("is a directory of a remote of rclone", () => {
    expect(destinationOf("rclone:nas:backups")).to.deep.equal({ engine: "rclone", directory: "nas:backups" });
  });

  it("is restic's repository, or the one of its environment", () => {
    expect(destinationOf("restic:sftp:nas:/repo")).to.deep.equal({ engine: "restic", repository: "sftp:nas:/repo" });
    expect(destinationOf("restic:")).to.deep.equal({ engine: "restic", repository: undefined });
  });

  for (const text of ["", "/backup", "rclone:", "Restic:x"]) {
    it(`is not "${text}"`, () => expect(() => destinationOf(text)).to.throw(HoldstillError, "this is no destination"));
  }

  it("is told without the secrets of a remote that is spelt out", () => {
    expect(withoutSecrets(`rclone::webdav,url='https://h/',user=u,pass="a,b",bearer_token=t:path`)).to.equal(
      "rclone::webdav,url='https://h/',user=u,pass=***,bearer_token=***:path",
    );
  });

  it("is told without the password of its URL", () => {
    expect(withoutSecrets("rest:https://u:p@ss/w@h:1/r and s3:host/b")).to.equal(
      "rest:https://u:***@h:1/r and s3:host/b",
    );
  });
});
