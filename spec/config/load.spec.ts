import { chmodSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { bytesOf, textOf } from "../../lib/bytes.js";
import type { Around } from "../../lib/config/find.js";
import { loadConfiguration } from "../../lib/config/load.js";
import { HoldstillError } from "../../lib/errors.js";
import { disk } from "../../lib/filesystem.js";
import { fsWith, refuse } from "../helpers/port.js";
import { tmpDirectory, writeTree } from "../helpers/tree.js";

const ME = process.getuid?.() ?? 0;

function world(replaced: Partial<Around> = {}) {
  const home = tmpDirectory();
  const warnings: string[] = [];
  // What a machine has in /etc is not the spec's.
  const realpath: typeof disk.realpath = (path) =>
    disk.realpath(bytesOf(textOf(path).replace(/^\/etc\/holdstill/, join(home, "etc"))));
  const around: Around = {
    ...{ fs: fsWith({ realpath }), env: {}, homedir: home, cwd: home, uid: ME },
    onEvent: (event) => void (event.type === "warning" && warnings.push(event.message)),
    ...replaced,
  };
  const load = (config?: string) => loadConfiguration({ options: {}, config }, around);
  return { home, load, warnings };
}

async function refused(loading: Promise<unknown>): Promise<HoldstillError> {
  const error: unknown = await loading.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof HoldstillError)) throw new Error("it was not refused");
  expect(error.code).to.equal("bad-configuration");
  return error;
}

describe("the configuration that counts", () => {
  const FILES = {
    named: "label: named",
    ".config/holdstill/holdstill.yaml": "label: home",
    "xdg/holdstill/holdstill.yaml": "label: xdg",
    "etc/holdstill.yaml": "label: etc",
  };

  for (const [which, env, config, label, files] of [
    ["none where there is none", {}, undefined, undefined, []],
    ["that of the system", {}, undefined, "etc", ["etc/holdstill.yaml"]],
    ["that of the user before that of the system", {}, undefined, "home", Object.keys(FILES)],
    ["that in XDG_CONFIG_HOME", { XDG_CONFIG_HOME: "HOME/xdg" }, undefined, "xdg", Object.keys(FILES)],
    [
      "not that in an XDG_CONFIG_HOME that is relative",
      { XDG_CONFIG_HOME: "xdg" },
      undefined,
      "home",
      Object.keys(FILES),
    ],
    ["that in HOLDSTILL_CONFIG", { HOLDSTILL_CONFIG: "named" }, undefined, "named", Object.keys(FILES)],
    ["that of --config before all", { HOLDSTILL_CONFIG: "etc/holdstill.yaml" }, "named", "named", Object.keys(FILES)],
    ["none with --config /dev/null", {}, "/dev/null", undefined, Object.keys(FILES)],
  ] as const) {
    it(`is ${which}`, async () => {
      const here: Record<string, string> = {};
      const { home, load } = world({ env: here });
      for (const [name, value] of Object.entries(env)) here[name] = value.replace("HOME", home);
      writeTree(home, Object.fromEntries(Object.entries(FILES).filter(([path]) => files.includes(path as never))));
      expect((await load(config)).settings.label).to.equal(label);
    });
  }

  it("is read through a symbolic link, and has relative paths where the link lies", async () => {
    const { home, load } = world();
    writeTree(home, { "dots/h.yaml": "source: x" });
    symlinkSync("dots/h.yaml", join(home, "link.yaml"));
    expect((await load("link.yaml")).settings.source).to.deep.equal([join(home, "x")]);
  });

  it("has the default directory of its profile for an output, where it says what to back up", async () => {
    const { home, load } = world();
    writeTree(home, { a: "source: /a", b: "profile: openclaw", c: "", d: "source: /a\noutput: /b" });
    const outputs = [];
    for (const name of ["a", "b", "c", "d"]) outputs.push((await load(name)).settings.output);
    const base = join(home, ".local/share/holdstill");
    expect(outputs).to.deep.equal([join(base, "directory"), join(base, "openclaw"), undefined, "/b"]);
  });

  it("is refused where it was named and is not there, is no file, is no text, or may not be read", async () => {
    const { home, load } = world();
    writeFileSync(join(home, "latin1"), Buffer.from("label: \xe4", "latin1"));
    writeFileSync(join(home, "large"), "#".repeat(300_000));
    for (const [name, message] of [
      ["missing", "there is no such configuration file"],
      ["latin1/below", "there is no such configuration file"],
      [".", "the configuration is a directory"],
      ["latin1", "the configuration is not UTF-8"],
      ["large", "the configuration file is too large"],
    ] as const) {
      const error = await refused(load(name));
      expect([error.message, error.path]).to.deep.equal([message, join(home, name)]);
    }
    const { load: closed, home: there } = world({ fs: fsWith({ openRead: refuse("EACCES") }) });
    writeFileSync(join(there, "x"), "");
    expect((await refused(closed("x"))).message).to.equal("the configuration file cannot be read (EACCES)");
  });

  it("is refused with the problems of file and environment together", async () => {
    const { home, load } = world({ env: { HOLDSTILL_LEVEL: "best" } });
    writeTree(home, { "h.yaml": "sauce: 1\n" });
    const { problems, path } = await refused(load("h.yaml"));
    expect({ problems, path }).to.deep.equal({
      path: join(home, "h.yaml"),
      problems: [
        { path, line: 1, column: 1, message: "there is no key sauce: did you mean source?" },
        { message: 'HOLDSTILL_LEVEL is a whole number from 1 to 19, not "best"' },
      ],
    });
  });

  it("is refused to root where others may write it", async () => {
    for (const [mode, gid] of [
      [0o646, 0],
      [0o664, 100],
    ] as const) {
      const { home, load } = world({
        uid: 0,
        fs: fsWith({ fstat: (fd) => ({ ...disk.fstat(fd), uid: 0, gid, mode }) }),
      });
      writeFileSync(join(home, "h.yaml"), "");
      const { message, hint } = await refused(load("h.yaml"));
      expect(message).to.match(/others than root may write/);
      expect(hint).to.equal(`chmod go-w ${join(home, "h.yaml")}`);
    }
  });

  it("is taken with a warning where everybody may write it, or another user owns it", async () => {
    for (const [uid, owner, mode, warning] of [
      [1000, 1000, 0o666, /^everybody may write/],
      [1000, 1001, 0o644, /belongs to another user/],
      [0, 1001, 0o644, /belongs to another user/],
      [1000, 0, 0o644, undefined],
      [1000, 1000, 0o664, undefined],
    ] as const) {
      const fs = fsWith({ fstat: (fd) => ({ ...disk.fstat(fd), uid: owner, mode }) });
      const { home, load, warnings } = world({ uid, fs });
      writeFileSync(join(home, "h.yaml"), "label: x");
      expect((await load("h.yaml")).settings.label).to.equal("x");
      expect(warnings).to.have.length(warning === undefined ? 0 : 1);
      if (warning !== undefined) expect(warnings[0]).to.match(warning);
    }
  });

  it("is really refused to root by its mode on disk", async function () {
    if (ME !== 0) this.skip();
    const { home, load } = world();
    writeFileSync(join(home, "h.yaml"), "");
    await load("h.yaml");
    chmodSync(join(home, "h.yaml"), 0o666);
    await refused(load("h.yaml"));
  });
});
