import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { run } from "../../lib/cli/program.js";
import { useCases } from "../../lib/cli/use-cases.js";
import type { CreateReport } from "../../lib/report/create-report.js";
import type { GeneratedKey } from "../../lib/report/key-report.js";
import { collectingShell } from "./collecting-shell.js";
import { world, type World } from "./holdstill.js";

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));

async function holdstill({ home }: World, ...args: readonly string[]) {
  const { shell, out, err } = collectingShell();
  const here = { env: { PATH: process.env["PATH"] }, homedir: () => home, cwd: () => home, now: Date.now };
  const status = await run(args, { ...shell, ...here }, useCases);
  return { status, stdout: out(), stderr: err() };
}

function create(here: World, ...args: readonly string[]) {
  return holdstill(here, "create", "--source", here.source, "--output", here.output, ...args);
}

async function key(here: World): Promise<GeneratedKey> {
  return JSON.parse((await holdstill(here, "key", "generate", "--json")).stdout) as GeneratedKey;
}

describe("holdstill key", () => {
  it("writes an identity that only its owner reads, prints its recipient, and never the secret", async () => {
    const here = world();
    const { status, stdout, stderr } = await holdstill(here, "key", "generate", "--output", "id.txt");
    expect([status, stderr]).to.deep.equal([0, ""]);
    expect(stdout)
      .to.match(/^Wrote \S+\/id\.txt\n/)
      .and.to.match(/age1[a-z0-9]{58}\n/)
      .and.to.include("two places");
    expect(stdout).not.to.include("AGE-SECRET");
    const file = join(here.home, "id.txt");
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    const [recipient = ""] = /age1[a-z0-9]{58}/.exec(stdout) ?? [];
    expect(readFileSync(file, "utf8")).to.match(/^# created: .*Z\n# public key: age1\w+\nAGE-SECRET-KEY-1\w{58}\n$/);
    expect((await holdstill(here, "key", "show", "id.txt")).stdout).to.equal(`${recipient}\n`);
  });

  it("writes over nothing", async () => {
    const here = world();
    const { identity } = await key(here);
    const before = readFileSync(identity);
    expect(await holdstill(here, "key", "generate")).to.include({ status: 73, stdout: "" });
    expect(readFileSync(identity).equals(before)).to.equal(true);
  });
});

describe("encryption, end to end", () => {
  it("takes a recipient, or a configured file of them, and needs --identity to read", async () => {
    const here = world();
    const { identity, recipient } = await key(here);
    writeFileSync(join(here.home, "keys.txt"), `# me\n${recipient}\n`);
    writeFileSync(join(here.home, "holdstill.yaml"), "encryptTo: keys.txt\n");
    chmodSync(join(here.home, "holdstill.yaml"), 0o600);
    for (const args of [
      ["--encrypt-to", recipient],
      ["--config", "holdstill.yaml"],
    ]) {
      const made = await create(here, "--json", ...args);
      const { archive, encrypted } = JSON.parse(made.stdout) as CreateReport;
      expect([made.status, encrypted]).to.deep.equal([0, true]);
      expect((await holdstill(here, "cat", archive, "notes.txt")).status).to.equal(12);
      const read = await holdstill(here, "cat", archive, "notes.txt", "--identity", identity);
      expect(read).to.deep.equal({ status: 0, stdout: "n\n", stderr: "" });
    }
    const all = await holdstill(here, "verify", "--all", "--output", here.output, "--identity", identity);
    expect([all.status, all.stdout.match(/: good, 3 files/g)?.length]).to.deep.equal([0, 2]);
    const locked = await holdstill(here, "verify", "--all", "--output", here.output);
    expect([locked.status, locked.stdout.match(/: unchanged since it was written/g)?.length]).to.deep.equal([0, 2]);
  });

  it("tells without a key what is known without it, and ends with 12", async () => {
    const here = world();
    const { recipient } = await key(here);
    const { archive } = JSON.parse((await create(here, "--json", "--encrypt-to", recipient)).stdout) as CreateReport;
    for (const args of [
      ["show", archive],
      ["cat", archive, "notes.txt"],
      ["diff", archive, "--live"],
      ["restore", archive, "--target", "restored"],
    ]) {
      const { status, stdout, stderr } = await holdstill(here, ...args);
      expect([status, stdout], args[0]).to.deep.equal([12, ""]);
      expect(stderr, args[0]).to.match(/ Known without: made \d{4}-\S+Z on \S+, 3 files, 6 B, complete\.\n$/);
    }
  });

  it("takes keys from what a shell hands over of another program's output, as soon as that comes", async () => {
    const here = world();
    const { identity, recipient } = await key(here);
    const script = `holdstill() { '${process.execPath}' '${MAIN}' "$@"; }
      holdstill create --source '${here.source}' --output out --encrypt-to <(sleep 0.5; echo ${recipient}) --quiet &&
      (sleep 0.5; cat '${identity}') | holdstill cat latest notes.txt --output out --identity /dev/stdin &&
      holdstill cat latest notes.txt --output out --identity <(cat '${identity}') &&
      holdstill guard --source '${here.source}' --output out --passphrase-file <(echo secret) --quiet -- true &&
      echo secret | holdstill cat latest notes.txt --output out --passphrase-file /dev/stdin &&
      holdstill cat latest notes.txt --output out --identity /dev/fd/77`;
    const { status, stdout, stderr } = spawnSync("bash", ["-c", script], {
      ...{ cwd: here.home, encoding: "utf8", env: { PATH: process.env["PATH"], HOME: here.home } },
    });
    expect({ status, stdout, stderr }).to.deep.equal({
      ...{ status: 12, stdout: "n\nn\nn\n", stderr: "holdstill: there is no such file: /dev/fd/77\n" },
    });
  });

  it("takes a passphrase from a file, and does not ask where there is no terminal", async () => {
    const here = world();
    writeFileSync(join(here.home, "pass"), "correct horse\n");
    const { archive } = JSON.parse((await create(here, "--json", "--passphrase-file", "pass")).stdout) as CreateReport;
    const read = await holdstill(here, "cat", archive, "notes.txt", "--passphrase-file", "pass");
    expect([read.status, read.stdout]).to.deep.equal([0, "n\n"]);
    const { recipient } = await key(here);
    expect((await create(here, "--passphrase-file", "pass", "--encrypt-to", recipient)).status).to.equal(64);
  });

  it("refuses a secret key where a public one belongs, and does not repeat it", async () => {
    const here = world();
    const secret = /AGE-SECRET-KEY-1\w+/.exec(readFileSync((await key(here)).identity, "utf8"))?.[0] ?? "";
    const { status, stdout, stderr } = await create(here, "--encrypt-to", secret);
    expect([status, stdout]).to.deep.equal([64, ""]);
    expect(stderr).to.include("secret key").and.not.to.include(secret.slice(10, 30));
  });

  it("repeats no secret key, wherever one is given", async () => {
    const here = world();
    const { identity } = await key(here);
    const text = readFileSync(identity, "utf8");
    const secret = /AGE-SECRET-KEY-1\w+/.exec(text)?.[0] ?? "";
    for (const args of [
      ["key", "show", secret],
      ["cat", "latest", "f", "--output", here.output, "--identity", text],
      ["create", "--source", here.source, "--output", here.output, "--passphrase-file", secret, "--json"],
      ["create", secret],
      ["verify", secret],
    ]) {
      const { status, stdout, stderr } = await holdstill(here, ...args);
      expect(status, args[0]).not.to.equal(0);
      expect((stdout + stderr).toUpperCase(), args[0]).not.to.include(secret.slice(20, 40));
    }
  });
});
