import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { isErrno } from "../../lib/errors.js";
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
    const broken = `if [ -e broken ]; then echo "Fatal: cannot read $HOME/source" >&2; exit 10; fi`;
    writeFileSync(join(home, "restic"), `#!/bin/sh\n${broken}\necho '${summary}'\n`, { mode: 0o755 });
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
    // The repository is encrypted, and the records of it tell no more than it does.
    expect(readFileSync(join(home, "kept/.holdstill/runs.jsonl"), "utf8")).not.to.include(home);

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

  it("shows what each option of create would change, --to as well", () => {
    const { run } = configuredWorld("destination: restic:/of-the-file\n");
    const { status, stdout } = run("config show --json --to restic:/of-the-option", {
      env: { HOLDSTILL_DESTINATION: "restic:/of-the-environment" },
    });
    expect(status).to.equal(0);
    expect((JSON.parse(stdout) as { settings: unknown }).settings).to.have.deep.property("destination", {
      ...{ value: "restic:/of-the-option", from: "option" },
    });
  });

  it("takes a destination that is a directory of this machine as a path, and addresses as they are", () => {
    const { home, file, run } = configuredWorld("");
    const shown = (text: string, ...options: readonly string[]): string => {
      writeFileSync(file, text === "" ? "" : `destination: ${text}\n`);
      const { stdout } = run(["config", "show", "--json", ...options].join(" "));
      return (JSON.parse(stdout) as { settings: { destination: { value: string } } }).settings.destination.value;
    };
    expect(shown("restic:~/repo")).to.equal(`restic:${home}/repo`);
    expect(shown("rclone:backups")).to.equal(`rclone:${join(file, "../backups")}`);
    expect(shown("", "--to", "rclone:./a:b")).to.equal(`rclone:${home}/a:b`);
    for (const address of ["restic:", "restic:sftp:nas:repo", "rclone:nas:backups", "rclone:nas:"]) {
      expect(shown(JSON.stringify(address))).to.equal(address);
    }
  });

  it("wants to know what to do", () => {
    const { status, stderr } = holdstill(world(), ["config"]);
    expect({ status, stderr: stderr.split("\n")[0] }).to.deep.equal({
      ...{ status: 64, stderr: "holdstill: config goes with show, validate or schema" },
    });
  });
});

describe("holdstill completion", () => {
  function binDirectory(): string {
    const bin = tmpDirectory();
    writeFileSync(join(bin, "holdstill"), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    chmodSync(join(bin, "holdstill"), 0o755);
    return bin;
  }

  /** Loads the script into a real bash, and asks for what completes each line. */
  function completed(...lines: readonly string[]): string[][] {
    const bin = binDirectory();
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

  it("completes a choice after an equals sign, and the way to say no to what is so anyway", () => {
    const lines = ["holdstill create --strategy = c", "holdstill create --strategy =", "holdstill guard --no-r"];
    expect(completed(...lines)).to.deep.equal([
      ["clone", "copy"],
      ["auto", "clone", "link", "copy"],
      ["--no-rollback"],
    ]);
    const asked = ["--get-yargs-completions", "holdstill", "create", "--strategy=c"];
    expect(holdstill(world(), asked).stdout).to.equal("--strategy=clone\n--strategy=copy\n");
  });

  it("prints one script for bash and for zsh, whatever the login shell", () => {
    const [inBash, inZsh] = ["/bin/bash", "/usr/bin/zsh"].map((SHELL) =>
      holdstill(world(), ["completion"], { env: { SHELL } }),
    );
    expect(inBash).to.deep.equal(inZsh).and.to.include({ status: 0, stderr: "" });
    expect(inBash?.stdout).to.match(/^#compdef holdstill\n/);
  });

  it("completes in a real zsh, as well where the login shell is bash", function () {
    const bin = binDirectory();
    // A terminal of its own, in which each line is typed, completed, and told instead of run.
    const script = [
      "zmodload zsh/zpty || exit 0",
      "zpty -b z zsh -f -i",
      "type_in() { zpty -w z $1; }",
      "type_in 'PS1=; source <(holdstill completion)'",
      "type_in 'told() { print -r -- \"<$BUFFER>\"; BUFFER=; }; zle -N told; bindkey ^G told'",
      "for line in 'holdstill cre' 'holdstill create --compress z' 'holdstill create --no-v' 'holdstill create --compress=g'; do",
      "  zpty -n -w z $line$'\\t\\a'",
      "  zpty -r -m z out '*<holdstill*>*' || exit 1",
      "  [[ $out =~ '<(holdstill[^>]*)>' ]] && print -r -- $match[1]",
      "done",
    ].join("\n");
    const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}`, HOME: bin, SHELL: "/bin/bash", TERM: "dumb" };
    const { error, stdout } = spawnSync("zsh", ["-f", "-c", script], { encoding: "utf8", env, timeout: 60_000 });
    // Not every machine has one.
    if (isErrno(error, "ENOENT")) return this.skip();
    expect(stdout.split("\n").map((line) => line.trimEnd())).to.deep.equal([
      "holdstill create",
      "holdstill create --compress zstd",
      "holdstill create --no-verify",
      "holdstill create --compress=gzip",
      "",
    ]);
  });

  it("takes what every command takes, and prints one JSON document with --json", () => {
    const { stdout } = holdstill(world(), ["completion", "--quiet", "--config", "/dev/null"]);
    const asJson = holdstill(world(), ["completion", "--json"]);
    expect(asJson).to.include({ status: 0, stderr: "" });
    expect(JSON.parse(asJson.stdout)).to.deep.equal({ outcome: "printed", script: stdout });
    const wrong = holdstill(world(), ["completion", "--json", "--bogus"]);
    expect(wrong.status).to.equal(64);
    expect(JSON.parse(wrong.stdout)).to.have.property("outcome", "failed");
  });

  it("says nothing of what is wrong with half a line", () => {
    const asked = ["--get-yargs-completions", "holdstill", "create", "--level", "best", "--"];
    expect(holdstill(world(), asked)).to.include({ status: 0, stderr: "" });
  });
});
