import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { KEYS } from "../../lib/config/settings.js";
import type { Failure } from "../../lib/report/failure.js";
import { tmpDirectory } from "../helpers/tree.js";
import { holdstill, world, type RunOptions } from "./holdstill.js";

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));

/** A home with a source, and a configuration where holdstill looks for it. */
function configuredWorld(text: string) {
  const here = world();
  const file = join(here.home, ".config/holdstill/holdstill.yaml");
  mkdirSync(join(here.home, ".config/holdstill"), { recursive: true });
  writeFileSync(file, text);
  const run = (args: string, options?: RunOptions) => holdstill(here, args.split(" "), options);
  return { ...here, file, run };
}

function archivesIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => !name.startsWith("."));
}

describe("holdstill with a configuration file", () => {
  it("creates what it says, where it says, and finds it there again", () => {
    const { home, run } = configuredWorld("source: ~/source\noutput: ~/kept\ncompress: gzip\nlabel: nightly\n");
    const { status, stderr } = run("create --quiet");
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    const [name = "", ...others] = archivesIn(join(home, "kept"));
    expect([name, others]).to.satisfy(() => /-directory-nightly\.tar\.gz$/.test(name) && others.length === 0);
    for (const args of ["verify latest", "verify --all"]) {
      const { status, stdout } = run(args);
      expect(status).to.equal(0);
      expect(stdout).to.include(join(home, "kept", name));
    }
  });

  it("lets options and variables say otherwise", () => {
    const { home, run } = configuredWorld("source: ~/source\noutput: ~/kept\ncompress: zstd\nlevel: 19\n");
    const env = { HOLDSTILL_OUTPUT: "~/elsewhere", HOLDSTILL_COMPRESS: "none" };
    expect(run("create --quiet --compress gzip", { env }).status).to.equal(0);
    expect(archivesIn(join(home, "elsewhere"))[0]).to.match(/\.tar\.gz$/);
    expect(archivesIn(home)).to.not.include("kept");
  });

  it("has restic store it where the destination is a repository, and records, tells and measures that", () => {
    const text = [
      ...["source: ~/source", "output: ~/kept", "destination: rest:", "prometheus: ~/x.prom", "label: nightly"],
      "hooks: {success: {command: 'echo $HOLDSTILL_OUTCOME $HOLDSTILL_SNAPSHOT'}, failure: {command: 'echo no'}}",
    ].join("\n");
    const { home, run, file } = configuredWorld(text.replace("rest:", "restic:rest:http://me:hidden@nas/"));
    const summary = '{"message_type":"summary","files_new":3,"data_added":10,"snapshot_id":"0123456789"}';
    writeFileSync(join(home, "restic"), `#!/bin/sh\n[ -e broken ] && exit 10\necho '${summary}'\n`, { mode: 0o755 });
    const env = { PATH: `${home}:${process.env["PATH"]}` };

    const { status, stderr } = run("create --quiet", { env });
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    expect(archivesIn(join(home, "kept"))).to.deep.equal([]);
    const [line = ""] = readFileSync(join(home, "kept/.holdstill/runs.jsonl"), "utf8").split("\n");
    expect(JSON.parse(line)).to.include({
      ...{ outcome: "success", snapshot: "0123456789", destination: "restic:rest:http://me:***@nas/", bytes: 10 },
      ...{ complete: true, files: 3, label: "nightly" },
    });
    expect(readFileSync(join(home, "x.prom"), "utf8")).to.match(/last_success_timestamp_seconds\{.*\} \d{9,}/);
    const fresh = run("status", { env });
    expect(fresh.status).to.equal(0);
    expect(fresh.stdout)
      .to.match(/^Fresh: the last complete backup is \d+ s old\.$/m)
      .and.to.match(/^ {2}0123456789 in restic:rest:http:\/\/me:\*\*\*@nas\/: /m);

    writeFileSync(join(home, "broken"), "");
    const failed = run("create", { env });
    expect([failed.status, failed.stderr.split("\n")[0]]).to.deep.equal([73, "failure: no"]);
    expect(run("status", { env }).stdout).to.match(/^The last run failed: .*, exit code 73: /m);

    for (const shown of [run("config show"), run("config show --json")]) {
      expect(shown.stdout).to.include("restic:rest:http://me:***@nas/").and.not.to.include("hidden");
    }
    expect(run(`create --to restic:/r --output ${file}.tar`, { env }).status).to.equal(64);
  });

  for (const command of ["create --dry-run", "verify --all"]) {
    it(`refuses \`${command}\` with 78 and every problem while it is wrong`, () => {
      const { run, file } = configuredWorld("sauce: 1\nlevel: best\n");
      const { status, stdout, stderr } = run(command);
      expect({ status, stdout }).to.deep.equal({ status: 78, stdout: "" });
      expect(stderr.split("\n").slice(0, 3)).to.deep.equal([
        "holdstill: the configuration has 2 problems",
        `  ${file}:1:1: there is no key sauce: did you mean source?`,
        `  ${file}:2:8: level is a whole number from 1 to 19, not "best"`,
      ]);
      const json = run(`${command} --json`);
      const { outcome, error } = JSON.parse(json.stdout) as { outcome: string; error: Failure };
      expect([json.status, outcome, error.code]).to.deep.equal([78, "failed", "bad-configuration"]);
      expect(error.problems).to.deep.equal([
        { path: file, line: 1, column: 1, message: "there is no key sauce: did you mean source?" },
        { path: file, line: 2, column: 8, message: 'level is a whole number from 1 to 19, not "best"' },
      ]);
      expect(run(`${command} --config /dev/null`).status).to.not.equal(78);
    });
  }
});

it("holdstill loads nothing to read YAML with where there is no configuration file", () => {
  const here = world();
  const hooks = `export const resolve = (name, context, next) => {
    if (name === "zod" || name === "yaml") throw new Error("loaded");
    return next(name, context);
  };`;
  writeFileSync(join(here.home, "hooks.mjs"), hooks);
  writeFileSync(
    join(here.home, "preload.mjs"),
    `import { register } from "node:module"; register("./hooks.mjs", import.meta.url);`,
  );
  const env = { NODE_OPTIONS: `--import=${join(here.home, "preload.mjs")}` };
  const run = (...args: readonly string[]) =>
    holdstill(here, ["create", "--source", "source", "--dry-run", ...args], { env });
  expect(run().status).to.equal(0);
  // What loads it is refused by these hooks, so that they are shown to work.
  expect(run("--config", "/dev/null").stderr).to.include("loaded");
});

describe("holdstill config", () => {
  it("shows every value and where it comes from", () => {
    const { run, file } = configuredWorld(
      "level: 9\nretention: {keepDaily: 7}\nhooks: {failure: {command: page me}}\n",
    );
    const args = "config show --compress gzip";
    const env = { HOLDSTILL_LABEL: "x" };
    expect(run(args, { env }).stdout.split("\n")).to.include.members([
      "compress: gzip # option",
      "label: x # HOLDSTILL_LABEL",
      "verify: true # default",
      `  keepDaily: 7 # ${file}:2`,
    ]);
    const { settings, ...others } = JSON.parse(run(`${args} --json`, { env }).stdout) as Record<string, object>;
    expect(Object.keys(settings ?? {})).to.have.length(KEYS.length);
    expect(settings).to.deep.include({
      compress: { value: "gzip", from: "option" },
      label: { value: "x", from: "environment", variable: "HOLDSTILL_LABEL" },
      verify: { value: true, from: "default" },
      "retention.keepDaily": { value: 7, from: "file", path: file, line: 2 },
    });
    expect(others).to.deep.equal({
      ...{ file, hooks: { failure: { command: "page me", timeout: "1m" } }, notifications: [] },
    });
  });

  it("shows no secret", () => {
    const text = "notifications:\n  - url: https://user:word@host:1/id?key=s\n  - urlFile: secret.txt\n";
    const { run, home } = configuredWorld(text);
    writeFileSync(join(home, ".config/holdstill/secret.txt"), "https://host/token");
    for (const { stdout } of [run("config show"), run("config show --json")]) {
      expect(stdout).to.include("https://host:1/…").and.to.include(join(home, ".config/holdstill/secret.txt"));
      expect(stdout).to.not.match(/word|key=s|token/);
    }
  });

  it("validates a file, or the one that counts", () => {
    const { run, file, home } = configuredWorld("label: x");
    writeFileSync(join(home, "other.yaml"), "label: ''");
    expect(run("config validate").stdout).to.equal(`${file}: good\n`);
    expect(run("config validate --json").stdout).to.equal(`${JSON.stringify({ outcome: "valid", file })}\n`);
    const { status, stderr } = run("config validate other.yaml");
    expect(status).to.equal(78);
    expect(stderr).to.include(`${join(home, "other.yaml")}:1:8: label is `);
    expect(run("config validate none.yaml").status).to.equal(78);
    expect(run("config validate /dev/null").status).to.equal(0);
  });

  it("prints a JSON Schema with every key, and nothing that is not one", () => {
    const { stdout, status } = holdstill(world(), ["config", "schema"]);
    expect(status).to.equal(0);
    interface Node {
      readonly properties: Record<string, Node>;
      readonly additionalProperties: boolean;
      readonly description: string;
    }
    const { properties, additionalProperties } = JSON.parse(stdout) as Node;
    expect(additionalProperties).to.equal(false);
    const { retention, schedule, status: fresh, hooks, notifications, ...top } = properties;
    const sections = [retention, schedule, fresh].flatMap((section) => Object.keys(section?.properties ?? {}));
    expect([...Object.keys(top), ...sections]).to.deep.equal([...KEYS]);
    expect(Object.keys(hooks?.properties ?? {})).to.deep.equal(["before", "success", "incomplete", "failure"]);
    expect(top["compress"]).to.include({ type: "string" }).and.to.have.property("description").that.is.a("string");
    expect(notifications).to.be.an("object");
  });

  it("wants to know what to do", () => {
    const { status, stderr } = holdstill(world(), ["config"]);
    expect({ status, stderr: stderr.split("\n")[0] }).to.deep.equal({
      ...{ status: 64, stderr: "holdstill: config goes with show, validate or schema" },
    });
  });
});

describe("holdstill completion", () => {
  /** Loads the script into a real bash, and asks for what completes each line. */
  function completed(...lines: readonly string[]): string[][] {
    const bin = tmpDirectory();
    writeFileSync(join(bin, "holdstill"), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    chmodSync(join(bin, "holdstill"), 0o755);
    const asked = lines.map(
      (line) =>
        `COMP_WORDS=(${line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); COMPREPLY=(); $f; echo "\${COMPREPLY[*]}"`,
    );
    const script = [
      'eval "$(holdstill completion)"',
      "f=$(complete -p holdstill | sed 's/.*-F \\([^ ]*\\) .*/\\1/')",
      ...asked,
    ].join("\n");
    const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}`, HOME: bin, SHELL: "/bin/bash" };
    const stdout = execFileSync("bash", ["-c", script], {
      encoding: "utf8",
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" "));
  }

  it("completes commands, options and choices in bash, and leaves files to it", () => {
    const lines = ["holdstill cr", "holdstill config ''", "holdstill create --no", "holdstill create --compress z"];
    const [command, sub, negated, choice, file] = completed(...lines, "holdstill create --output ''", "holdstill cod");
    expect(command).to.deep.equal(["create"]);
    expect(sub).to.deep.equal(["show", "validate", "schema"]);
    expect(negated).to.deep.equal(["--no-include-workspace", "--no-default-excludes", "--no-verify"]);
    expect(choice).to.deep.equal(["zstd"]);
    expect(file).to.deep.equal([""]);
  });

  it("prints a script for zsh in zsh", () => {
    const { stdout, status } = holdstill(world(), ["completion"], { env: { SHELL: "/usr/bin/zsh" } });
    expect(status).to.equal(0);
    expect(stdout).to.match(/^#compdef holdstill\n/);
  });

  it("says nothing of what is wrong with half a line", () => {
    const asked = ["--get-yargs-completions", "holdstill", "create", "--level", "best", "--"];
    expect(holdstill(world(), asked)).to.include({ status: 0, stderr: "" });
  });
});
