#!/usr/bin/env node
// Packs the package, installs it into an empty directory and makes a backup with it, as a new user would.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));

/** The caller's environment without what `npm run` adds, which would lead npm back to this project. */
function environment(home) {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^npm_(?!config_(cache|registry|userconfig)$)/.test(name),
  );
  return { ...Object.fromEntries(own), XDG_CONFIG_HOME: join(home, "config"), XDG_DATA_HOME: join(home, "data") };
}

/** Runs a command, shows it, and returns what it printed. Any exit code but 0 is an error. */
function run({ cwd, env }, command, ...args) {
  console.log(`$ ${[command, ...args].join(" ")}`);
  const { status, signal, stdout, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (error !== undefined) throw error;
  process.stdout.write(stdout);
  if (status !== 0) throw new Error(`${command} ${args[0]}: ${signal ?? `exit ${status}`}`);
  return stdout;
}

function expect(holds, what) {
  if (!holds) throw new Error(`not so: ${what}`);
  console.log(`ok: ${what}`);
}

/** The tarball that would be published. */
function pack(directory, env) {
  run({ cwd: PROJECT, env }, "npm", "pack", "--silent", "--pack-destination", directory);
  const tarball = join(
    directory,
    readdirSync(directory).find((name) => name.endsWith(".tgz")),
  );
  const packed = run({ cwd: directory, env }, "tar", "-tzf", tarball).trimEnd().split("\n");
  expect(packed.includes("package/LICENSE"), "the package has its license");
  expect(packed.includes("package/README.md"), "the package has its README");
  expect(!packed.some((path) => path.includes("/spec/")), "the package has no specs");
  return tarball;
}

function makeTree(directory) {
  mkdirSync(join(directory, "notes"), { recursive: true });
  writeFileSync(join(directory, "notes", "one.txt"), "one\n");
  writeFileSync(join(directory, "log.jsonl"), '{"line":1}\n{"line":2}\n');
}

function check(directory) {
  const { version } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
  const env = environment(directory);
  const tarball = pack(directory, env);

  const tree = join(directory, "tree");
  const backups = join(directory, "backups");
  const user = { cwd: join(directory, "user"), env };
  makeTree(tree);
  mkdirSync(user.cwd);
  writeFileSync(join(user.cwd, "package.json"), '{"private":true}\n');

  run(user, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error", tarball);
  const holdstill = (...args) => run(user, "npx", "--no", "--", "holdstill", ...args);
  expect(holdstill("--version").trim() === version, `--version prints ${version}`);
  holdstill("create", "--source", tree, "--output", backups);
  const archives = readdirSync(backups).filter((name) => !name.startsWith("."));
  expect(archives.length === 1, "create leaves one archive");
  holdstill("verify", join(backups, archives[0]));
  run(user, "node", "--input-type=module", "--eval", 'await import("holdstill")');
  console.log(`holdstill ${version} packs, installs, creates and verifies`);
}

const directory = mkdtempSync(join(tmpdir(), "holdstill-package-"));
try {
  check(directory);
} catch (error) {
  console.error(`check-package: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
