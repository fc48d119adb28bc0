import { expect } from "chai";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateKey, sealTo } from "../../lib/age/header.js";
import { disk } from "../../lib/filesystem.js";
import { unsealFor } from "../../lib/keys.js";
import { verify } from "../../lib/verify.js";
import { createFrom, surroundings } from "../helpers/run.js";
import { contents, tmpDirectory, tmpTree } from "../helpers/tree.js";
import { needs } from "./engines.js";

/** Incompressible, and of many chunks. */
const BLOB = Buffer.from(Array.from({ length: 300_000 }, (_, n) => Math.imul(n, 2_654_435_761) >>> 24));
const TREE = { "a.txt": "a", blob: BLOB };

/** The program `age`, by FiloSottile. */
describe("age", () => {
  before(function () {
    needs(this, "age", "zstd");
  });

  function keyByAge(directory: string): { readonly file: string; readonly recipient: string } {
    const file = join(directory, "key.txt");
    execFileSync("age-keygen", ["-o", file], { stdio: "ignore" });
    return { file, recipient: execFileSync("age-keygen", ["-y", file], { encoding: "utf8" }).trim() };
  }

  it("opens our archives with its own key and with ours: the emergency exit", async () => {
    const directory = tmpDirectory();
    const theirs = keyByAge(directory);
    const ours = await generateKey();
    const oursFile = join(directory, "ours.txt");
    writeFileSync(oursFile, `${ours.identity}\n`);
    const source = tmpTree(TREE);
    const seal = sealTo({ recipients: [theirs.recipient, ours.recipient] });
    const { archive } = await createFrom(source, { compress: "zstd", seal });
    for (const [index, key] of [theirs.file, oursFile].entries()) {
      const target = join(directory, String(index));
      mkdirSync(target);
      const script = 'age -d -i "$1" "$2" | zstd -d | tar x -C "$3"';
      execFileSync("bash", ["-o", "pipefail", "-c", script, "-", key, archive, target]);
      const [root = ""] = readdirSync(target);
      expect(contents(join(target, root, "payload/posix", source))).to.deep.equal(contents(source));
    }
  });

  it("has its archives read by us", async () => {
    const directory = tmpDirectory();
    const { file, recipient } = keyByAge(directory);
    const plain = await createFrom(tmpTree(TREE), { compress: "gzip" });
    const archive = join(directory, "theirs.tar.gz.age");
    execFileSync("age", ["-r", recipient, "-o", archive, plain.archive]);
    const unseal = await unsealFor(
      { identities: [file], passphrase: undefined },
      { fs: disk, cwd: directory, onEvent: () => {} },
    );
    expect(await verify(archive, surroundings({ unseal }))).to.deep.include({ ok: true, id: plain.id, files: 2 });
  });

  it("takes what we encrypt in every size around its chunks", async () => {
    const { encrypting } = await import("../../lib/age/payload.js");
    const directory = tmpDirectory();
    const { file, recipient } = keyByAge(directory);
    for (const size of [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000]) {
      const stream = encrypting(await sealTo({ recipients: [recipient] })());
      const parts: Buffer[] = [];
      stream.on("data", (part: Buffer) => parts.push(part));
      await new Promise<void>((resolve) => stream.end(BLOB.subarray(0, size), resolve));
      const { status, stdout } = spawnSync("age", ["-d", "-i", file], { input: Buffer.concat(parts) });
      expect([status, stdout.equals(BLOB.subarray(0, size))], `${size} bytes`).to.deep.equal([0, true]);
    }
  });

  it("has its keys shown by us, and ours taken by age-keygen", async () => {
    const directory = tmpDirectory();
    const { generate, showKeys } = await import("../../lib/keys.js");
    const { file, recipient } = keyByAge(directory);
    const around = { fs: disk, cwd: directory, now: Date.now };
    expect((await showKeys(file, around)).recipients).to.deep.equal([recipient]);
    const made = await generate("mine.txt", around);
    expect(execFileSync("age-keygen", ["-y", made.identity], { encoding: "utf8" }).trim()).to.equal(made.recipient);
    expect(readFileSync(made.identity, "utf8")).to.include(`# public key: ${made.recipient}`);
  });
});
