import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import fc from "fast-check";
import { bytesOf, escaped, textOf, type Bytes } from "../../lib/bytes.js";
import { givenArguments } from "../../lib/cli/given-arguments.js";
import { shellQuoted } from "../../lib/restore/shell-quoted.js";
import { tmpDirectory } from "../helpers/tree.js";

const MAIN = fileURLToPath(new URL("../../lib/cli/main.js", import.meta.url));

const bytes = fc.uint8Array({ min: 0x7e, max: 0xff }).map((array) => Buffer.from(array).toString("latin1") as Bytes);

describe("a path that is not UTF-8", () => {
  it("is the same after it was text", () => {
    // Half of a pair, a character too long, and one that there is not.
    const examples = ["\xed\xa0\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80"].map((path): [Bytes] => [path as Bytes]);
    fc.assert(
      fc.property(bytes, (path) => bytesOf(escaped(path)) === path),
      { examples, numRuns: 1000 },
    );
  });

  it("has its characters still, where it has any", () => {
    const text = "\u00fcber \u{1f600}";
    expect(escaped(`${bytesOf(text)}\xff\xc3${bytesOf(text)}` as Bytes)).to.equal(`${text}\udcff\udcc3${text}`);
    expect(escaped(bytesOf(text))).to.equal(text);
  });

  it("is shown as any other of its kind", () => {
    expect(textOf(bytesOf("a\udcff"))).to.equal("a\ufffd");
  });

  it("is what a shell makes of it that is told in quotes", () => {
    const path = "a'\xff\x80 \\$x\xc3\xbc1\n" as Bytes;
    const { stdout } = spawnSync("bash", ["-c", `printf %s ${shellQuoted(escaped(path))}`], { encoding: "latin1" });
    expect(stdout).to.equal(path);
  });

  it("is taken from what the system was given, and only where Node has lost it", () => {
    const commandLine = () => "node\0main.js\0--source\0a\xff\0";
    expect(givenArguments(["--source", "a\ufffd"], commandLine)).to.deep.equal(["--source", "a\udcff"]);
    expect(givenArguments(["--source", "b\ufffd"], commandLine)).to.deep.equal(["--source", "b\ufffd"]);
    expect(givenArguments(["--source", "a\ufffd"], () => "")).to.deep.equal(["--source", "a\ufffd"]);
    const never = () => expect.fail("it was asked");
    expect(givenArguments(["--source", "a"], never)).to.deep.equal(["--source", "a"]);
  });

  it("can be a source, an archive directory and a target, by all commands", () => {
    const home = tmpDirectory();
    const named = (name: string) => Buffer.from(`${home}/${name}\xff`, "latin1");
    mkdirSync(named("source"));
    writeFileSync(Buffer.concat([named("source"), Buffer.from("/f")]), "old\n");
    const run = (line: string) => {
      const script = `s=$'source\\377' o=$'output\\377' t=$'target\\377'; holdstill() { "$0" ${MAIN} "$@"; }; ${line}`;
      const { status, stdout, stderr } = spawnSync("bash", ["-c", script, process.execPath], {
        ...{ cwd: home, encoding: "latin1", env: { PATH: process.env["PATH"], HOME: home } },
      });
      return { status, stdout, stderr };
    };
    expect(run('holdstill create --source "$s" --output "$o" --quiet')).to.include({ status: 0, stderr: "" });
    expect(JSON.parse(run('holdstill list --output "$o" --json').stdout)).to.have.nested.property("archives.length", 1);
    expect(run('holdstill cat latest "$PWD/$s/f" --output "$o"')).to.include({ status: 0, stdout: "old\n" });
    expect(run('holdstill verify --all --output "$o"')).to.include({ status: 0 });
    expect(run('holdstill diff latest --live --output "$o"')).to.include({ status: 0 });
    expect(run('holdstill guard --source "$s" --output "$o" -- sh -c "echo new > source*/f; exit 1"').status).to.equal(
      20,
    );
    expect(run('cat "$s/f"').stdout).to.equal("old\n");
    expect(run('holdstill stage --source "$s" --quiet -- cat f')).to.include({ status: 0, stdout: "old\n" });
    expect(run('mkdir "$s/d"; holdstill stage --source "$s/d" -- true').stderr).to.match(/the stage: its path is not/);
    expect(run('rmdir "$s/d"').status).to.equal(0);

    const restored = run('echo newer > "$s/f"; holdstill restore latest --output "$o" --target "$t" --strip');
    expect(restored.status).to.equal(0);
    const steps = restored.stdout.split("\n").filter((line) => line.startsWith("  "));
    expect(run(steps.join("\n"))).to.include({ status: 0, stderr: "" });
    expect(readFileSync(Buffer.concat([named("source"), Buffer.from("/f")]), "utf8")).to.equal("old\n");
    expect(run('holdstill rollback latest --output "$o" --yes').status).to.equal(0);
    expect(readdirSync(home, "latin1").filter((name) => !name.includes("\xff"))).to.deep.equal([]);
  });
});
