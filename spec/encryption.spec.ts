import { expect } from "chai";
import { appendFileSync, copyFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { truncateSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { armor, Encrypter } from "age-encryption";
import type { KeyPair } from "../lib/age/header.js";
import { generateKey, sealTo, unsealWith } from "../lib/age/header.js";
import type { CreateOptions } from "../lib/create.js";
import { create } from "../lib/create.js";
import { plan } from "../lib/plan.js";
import { disk } from "../lib/filesystem.js";
import { list } from "../lib/look/list.js";
import { prune } from "../lib/prune.js";
import { restore } from "../lib/restore.js";
import { namedArchive } from "../lib/vault/archives.js";
import { verify } from "../lib/verify.js";
import { compared, contentOf, failure, paths, warningsOf } from "./look/looking.js";
import { errno, fsWith } from "./helpers/port.js";
import { createFrom, DEFAULTS, surroundings } from "./helpers/run.js";
import { contents, tmpDirectory, tmpTree } from "./helpers/tree.js";

const TREE = { agents: { "hidden-name.jsonl": '{"n":1}\n' }, "b.txt": "b" };
const RESTORE = {
  ...{ include: [], exclude: [], strip: true, dryRun: false, keepDeliveries: false, keepSetuid: false },
};

describe("an encrypted archive", () => {
  let keys: KeyPair;
  let other: KeyPair;

  before(async () => {
    [keys, other] = await Promise.all([generateKey(), generateKey()]);
  });

  const encrypted = (): Pick<CreateOptions, "seal"> => ({ seal: sealTo({ recipients: [keys.recipient] }) });
  const withKey = (key = keys) =>
    surroundings({ unseal: unsealWith({ identities: [key.identity], passphrase: undefined }) });

  function restored(archive: string, around: ReturnType<typeof surroundings>) {
    const target = join(tmpDirectory(), "target");
    return restore({ ...RESTORE, archive, target }, around).then((report) => ({ report, target }));
  }

  it("is made without any identity, says so, and is read with one", async () => {
    const source = tmpTree(TREE);
    const report = await createFrom(source, { ...encrypted(), compress: "gzip", label: "x" });
    expect(report).to.deep.include({ encrypted: true, verified: true, complete: true });
    expect(report.archive).to.match(/-directory-x\.tar\.gz\.age$/);
    expect(readFileSync(report.archive, "latin1").slice(0, 22)).to.equal("age-encryption.org/v1\n");
    const { archive } = report;
    expect(await verify(archive, withKey())).to.deep.include({
      ok: true,
      id: report.id,
      files: 2,
      sha256: report.sha256,
    });
    expect(await paths(archive, undefined, withKey())).to.include("agents/hidden-name.jsonl");
    expect(await contentOf(archive, "b.txt", withKey())).to.equal("b");
    const { target } = await restored(archive, withKey());
    expect(contents(target)).to.include({ "agents/hidden-name.jsonl": '{"n":1}\n', "b.txt": "b" });
  });

  for (const compress of ["none", "zstd"] as const) {
    it(`may be compressed with ${compress}`, async () => {
      const { archive } = await createFrom(tmpTree(TREE), { ...encrypted(), compress });
      expect(await verify(archive, withKey())).to.include({ files: 2 });
    });
  }

  it("leaves no name and no content of what was backed up in the archive directory", async () => {
    const source = tmpTree(TREE, "hidden-source");
    const { archive } = await createFrom(source, { ...encrypted() });
    const texts = Object.entries(contents(dirname(archive)));
    expect(texts.map(([path]) => basename(path))).to.include(`${basename(archive)}.jsonl.gz.age`);
    for (const [path, text] of texts) {
      expect(text, path).not.to.match(/hidden|b\.txt/);
      expect(text.startsWith("\u001f\u008b"), path).to.equal(false);
    }
  });

  it("leaves none there while it is made either", async () => {
    const seen: string[] = [];
    const output = join(tmpDirectory(), "archives");
    const fs = fsWith({
      sync: async (fd) => {
        for (const name of readdirSync(output)) {
          if (name.endsWith(".partial")) seen.push(readFileSync(join(output, name), "latin1"));
        }
        return disk.sync(fd);
      },
    });
    await createFrom(tmpTree(TREE, "hidden-source"), { ...encrypted(), output }, { fs });
    expect(seen).to.have.length.at.least(2);
    for (const text of seen) expect(text).not.to.match(/hidden|manifest/);
  });

  it("is not published where the disk changes a byte of it, and says so", async () => {
    const output = join(tmpDirectory(), "archives");
    let written = 0;
    const fs = fsWith({
      writeAsync: (fd, data) => {
        const changed = Buffer.from(data);
        if (written++ === 0) changed[changed.length - 20] = (changed[changed.length - 20] ?? 0) ^ 1;
        return disk.writeAsync(fd, changed);
      },
    });
    const error = await failure(createFrom(tmpTree(TREE), { ...encrypted(), output }, { fs }));
    expect(error.code).to.equal("verify-failed");
    expect(written).to.be.greaterThan(0);
    expect(readdirSync(output)).to.deep.equal([".holdstill"]);
  });

  it("leaves nothing where the disk is full", async () => {
    const output = join(tmpDirectory(), "archives");
    const fs = fsWith({ writeAsync: () => Promise.reject(errno("ENOSPC")) });
    const error = await failure(createFrom(tmpTree(TREE), { ...encrypted(), output }, { fs }));
    expect(error.code).to.equal("no-space");
    expect(readdirSync(output)).to.deep.equal([".holdstill"]);
  });

  it("has the name that its --output says, and no other", async () => {
    const directory = tmpDirectory();
    const source = tmpTree(TREE);
    const named = await createFrom(source, {
      ...{ ...encrypted(), compress: "auto", output: join(directory, "mine.tar.zst.age") },
    });
    expect(named.archive).to.equal(join(directory, "mine.tar.zst.age"));
    for (const [output, seal, hint] of [
      ["x.tar.zst.age", undefined, /--encrypt-to/],
      ["x.tar.zst", encrypted().seal, /x\.tar\.zst\.age/],
    ] as const) {
      const options = {
        ...DEFAULTS,
        compress: "auto",
        sources: [source],
        output: join(directory, output),
        seal,
      } as const;
      for (const use of [create, plan]) {
        const error = await failure(use(options, surroundings()));
        expect(error.code).to.equal("usage");
        expect(error.hint).to.match(hint);
      }
      expect(existsSync(join(directory, output))).to.equal(false);
    }
  });

  describe("without its key", () => {
    it("is compared with the digest that was noted, and what was not checked is said", async () => {
      const { archive, sha256, bytes } = await createFrom(tmpTree(TREE), encrypted());
      const report = await verify(archive, surroundings());
      expect(report).to.deep.include({ archive, ok: true, locked: true, sha256, archiveBytes: bytes });
      expect(report.unchecked).to.have.length(1);
      appendFileSync(archive, "x");
      expect(await failure(verify(archive, surroundings()))).to.include({ code: "bad-archive", path: archive });
    });

    it("cannot be verified where no digest was noted", async () => {
      const { archive } = await createFrom(tmpTree(TREE), encrypted());
      const copy = join(tmpDirectory(), "copy.tar.age");
      copyFileSync(archive, copy);
      expect(await failure(verify(copy, surroundings()))).to.include({ code: "wrong-key", path: copy });
    });

    for (const [title, around] of [
      ["no key", () => surroundings()],
      ["a wrong key", () => withKey(other)],
    ] as const) {
      it(`is neither shown nor restored: ${title}`, async () => {
        const { archive } = await createFrom(tmpTree(TREE), encrypted());
        const uses = [
          paths(archive, undefined, around()),
          contentOf(archive, "b.txt", around()),
          compared(archive, archive, around()),
          restored(archive, around()),
        ];
        for (const use of uses) expect(await failure(use)).to.include({ code: "wrong-key", path: archive });
        if (around().unseal) expect(await failure(verify(archive, around()))).to.include({ code: "wrong-key" });
      });
    }

    it("writes nothing where it was to be restored", async () => {
      const { archive } = await createFrom(tmpTree(TREE), encrypted());
      const target = join(tmpDirectory(), "target");
      await failure(restore({ ...RESTORE, archive, target }, withKey(other)));
      expect(existsSync(target)).to.equal(false);
    });

    it("is listed by what its summary tells, and by its name where that is missing", async () => {
      const { archive, id } = await createFrom(tmpTree(TREE, "hidden"), { ...encrypted(), label: "night" });
      const output = dirname(archive);
      const [known] = (await list(output, surroundings())).archives;
      expect(known).to.deep.include({ ok: true, encrypted: true, id, files: 2, label: "night", sources: [] });
      rmSync(join(output, ".holdstill/index"), { recursive: true });
      const report = await list(output, surroundings());
      expect(report.outcome).to.equal("listed");
      const [row] = report.archives;
      expect(row).to.include({ archive, ok: null, encrypted: true, label: "night" });
      expect(row)
        .to.have.property("createdAt")
        .that.equals(known?.ok ? known.createdAt : "");
      expect(await namedArchive("latest", output, surroundings())).to.equal(archive);
      expect((await list(output, withKey())).archives[0]).to.include({ ok: true, id, files: 2 });
    });
  });

  it("needs no catalog where there is a key, and does not make a legible one", async () => {
    const { archive } = await createFrom(tmpTree(TREE), encrypted());
    const output = dirname(archive);
    rmSync(join(output, ".holdstill/index"), { recursive: true });
    const temporary = tmpDirectory();
    const legible: string[] = [];
    const fs = fsWith({
      rename: (from, to) => {
        legible.push(readFileSync(from, "latin1").slice(0, 21));
        disk.rename(from, to);
      },
    });
    const around = { ...withKey(), fs, env: { PATH: process.env["PATH"], TMPDIR: temporary } };
    expect(await paths(archive, undefined, around)).to.include("agents/hidden-name.jsonl");
    expect(legible).to.deep.equal(["age-encryption.org/v1"]);
    expect(readdirSync(temporary)).to.deep.equal([]);
    expect(await contentOf(archive, "b.txt", withKey())).to.equal("b");
    await list(output, withKey());
    const { report } = await restored(archive, withKey());
    expect(report.complete).to.equal(true);
    expect(Object.keys(contents(output)).join()).not.to.include(".jsonl.gz");
  });

  it("is read whole where the copy of its index is damaged", async () => {
    const { archive } = await createFrom(tmpTree(TREE), encrypted());
    const copy = join(dirname(archive), ".holdstill/index", `${basename(archive)}.jsonl.gz.age`);
    truncateSync(copy, 300);
    const around = withKey();
    expect(await paths(archive, undefined, around)).to.include("b.txt");
    expect(warningsOf(around).join()).to.include("damaged");
    const { report } = await restored(archive, withKey());
    expect(report.complete).to.equal(true);
  });

  describe("that is damaged", () => {
    it("is bad wherever a byte differs or it is cut off, and nothing of it stays restored", async () => {
      const made = await createFrom(tmpTree(TREE), encrypted());
      const good = readFileSync(made.archive);
      const archive = join(tmpDirectory(), "damaged.tar.age");
      const header = good.indexOf("\n---") + 49;
      const places = [header, header + 17, ...Array.from({ length: 12 }, (_, n) => header + 20 + n * 1500)];
      for (const at of places.filter((place) => place < good.length)) {
        const bytes = Buffer.from(good);
        bytes[at] = (bytes[at] ?? 0) ^ 0x10;
        writeFileSync(archive, bytes);
        expect((await failure(verify(archive, withKey()))).code, `byte ${at}`).to.equal("bad-archive");
      }
      for (const length of [0, 30, header, header + 16, header + 40, good.length - 1]) {
        writeFileSync(archive, good.subarray(0, length));
        expect((await failure(verify(archive, withKey()))).code, `${length} bytes`).to.equal("bad-archive");
        const target = join(tmpDirectory(), "target");
        expect((await failure(restore({ ...RESTORE, archive, target }, withKey()))).code).to.equal("bad-archive");
        expect(existsSync(target)).to.equal(false);
      }
    });

    it("is bad where its header was changed, although no key fits then", async () => {
      const { archive } = await createFrom(tmpTree(TREE), encrypted());
      const bytes = readFileSync(archive);
      bytes[40] = bytes[40] === 0x41 ? 0x42 : 0x41;
      writeFileSync(archive, bytes);
      expect((await failure(verify(archive, withKey()))).code).to.equal("bad-archive");
    });

    it("is refused with what to do where it is in age's text format", async () => {
      const { archive } = await createFrom(tmpTree(TREE), encrypted());
      const text = join(tmpDirectory(), "x.tar.age");
      writeFileSync(text, armor.encode(readFileSync(archive)));
      const { code, hint } = await failure(verify(text, withKey()));
      expect(code).to.equal("bad-archive");
      expect(hint).to.include("age --decrypt");
    });

    it("is refused where something else was encrypted to the same key", async () => {
      const file = join(tmpDirectory(), "letter.tar.age");
      const letter = new Encrypter();
      letter.addRecipient(keys.recipient);
      writeFileSync(file, await letter.encrypt("Dear Anna"));
      expect((await failure(verify(file, withKey()))).message).to.match(/no archive/);
    });
  });

  describe("and prune", () => {
    it("are removed by the rules, each source apart, with what the catalog has of them", async () => {
      const output = join(tmpDirectory(), "archives");
      const [one, two] = [tmpTree(TREE), tmpTree(TREE)];
      const made: string[] = [];
      for (const source of [one, two, one]) made.push((await createFrom(source, { ...encrypted(), output })).archive);
      const report = await prune({ policy: { keepLast: 1 }, output, waitMs: 0 }, surroundings());
      expect(report.removed.map(({ archive }) => archive)).to.deep.equal([made[0]]);
      expect(report.groups).to.have.length(2);
      for (const { sources } of report.groups) expect(sources.join()).to.match(/^encrypted sources [0-9a-f]{12}$/);
      const left = readdirSync(join(output, ".holdstill/index")).filter((name) =>
        name.startsWith(basename(made[0] ?? "")),
      );
      expect(left).to.deep.equal([]);
    });

    it("keeps, and names, one whose summary is missing", async () => {
      const output = join(tmpDirectory(), "archives");
      const source = tmpTree(TREE);
      const lost = (await createFrom(source, { ...encrypted(), output })).archive;
      await createFrom(source, { ...encrypted(), output });
      rmSync(join(output, ".holdstill/index", `${basename(lost)}.json`));
      const report = await prune({ policy: { keepLast: 1 }, output, waitMs: 0 }, surroundings());
      expect(report.removed).to.deep.equal([]);
      expect(report.notOurs).to.deep.equal([
        { path: lost, reason: "encrypted, and what the catalog noted of it is missing" },
      ]);
    });
  });

  it("is recognised by what it is, not by its name", async () => {
    const { archive } = await createFrom(tmpTree(TREE), encrypted());
    const renamed = join(tmpDirectory(), "renamed");
    renameSync(archive, renamed);
    expect(await verify(renamed, withKey())).to.include({ files: 2 });
    expect(await failure(verify(renamed, surroundings()))).to.include({ code: "wrong-key" });
  });
});
