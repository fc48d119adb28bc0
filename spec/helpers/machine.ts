import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { after, type Context } from "mocha";
import { skip } from "./mounts.js";

const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));
const NEEDED = ["systemd-nspawn", "nsenter", "debootstrap"];

/** How long anything may take, on a machine that has other things to do. */
const PATIENCE_MS = 180_000;

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A computer of our own: a container that boots a real systemd, with this Node and the packed package in it. */
export interface Machine {
  readonly boot: () => Promise<void>;
  readonly powerOff: () => Promise<void>;
  /** Runs a program in it as root. */
  readonly run: (...command: readonly [string, ...string[]]) => Ended;
  /** The same by a shell. Throws where it does not end well; returns what it printed. */
  readonly shell: (script: string) => string;
  /** Runs a script until it ends with 0, and returns what it printed then. */
  readonly until: (script: string) => Promise<string>;
}

/** To be called in a `describe`: whatever became of its specs, the machine is off and gone when it ends. */
export function machines(): (asking: Context) => Machine {
  const undo: (() => void)[] = [];
  after(() => {
    for (const act of undo.splice(0).reverse()) act();
  });
  return (asking) => made(asking, undo);
}

function made(asking: Context, undo: (() => void)[]): Machine {
  if (process.getuid?.() !== 0) skip(asking, "a container needs root");
  const missing = NEEDED.filter((program) => spawnSync("which", [program]).status !== 0);
  if (missing.length > 0) skip(asking, `${missing.join(", ")} not installed; scripts/interop-setup.sh installs them`);
  const image = spawnSync(join(PROJECT, "scripts/systemd-root.sh"), { encoding: "utf8" });
  if (image.status !== 0) throw new Error(`systemd-root.sh: ${image.stderr}`);

  const directory = realpathSync(mkdtempSync(join(tmpdir(), "holdstill-machine-")));
  undo.push(() => rmSync(directory, { recursive: true, force: true }));
  const [root, home] = [join(directory, "root"), join(directory, "home")];
  for (const path of ["root", "upper", "work", "home"]) mkdirSync(join(directory, path));
  const layers = `lowerdir=${image.stdout.trim()},upperdir=${join(directory, "upper")},workdir=${join(directory, "work")}`;
  execFileSync("mount", ["-t", "overlay", "-o", layers, "overlay", root]);
  undo.push(() => execFileSync("umount", [root]));
  copyFileSync(process.execPath, join(root, "usr/bin/node"));
  installPackage(directory, join(root, "opt/holdstill"));

  let container: ChildProcess | undefined;
  let leader = 0;
  undo.push(() => {
    if (container === undefined) return;
    // The first process of a pid namespace takes all others with it.
    for (const pid of [leader, container.pid]) if (pid) spawnSync("kill", ["-KILL", String(pid)]);
    for (let tries = 0; tries < 100 && mountsBelow(root) > 1; tries++) spawnSync("sleep", ["0.1"]);
  });

  const inside = (command: readonly string[]): Ended => {
    const namespaces = ["-t", String(leader), "-m", "-u", "-i", "-p", "-n", "-C", "--"];
    const bare = ["env", "-i", "PATH=/opt/holdstill/node_modules/.bin:/usr/sbin:/usr/bin", "HOME=/root", "LC_ALL=C"];
    const { status, stdout, stderr } = spawnSync("nsenter", [...namespaces, ...bare, ...command], {
      encoding: "utf8",
      timeout: PATIENCE_MS,
    });
    return { code: status, out: stdout, err: stderr };
  };
  const shell = (script: string): string => {
    const { code, out, err } = inside(["bash", "-euc", script]);
    if (code !== 0) throw new Error(`${script}\nended with ${code}: ${err}${out}`);
    return out;
  };

  return {
    async boot() {
      const args = ["-D", root, "--boot", "--register=no", "--keep-unit", "--quiet", `--bind=${home}:/home`];
      container = spawn("systemd-nspawn", args, { stdio: "ignore", detached: true });
      leader = await eventually(() => firstProcessOf(container?.pid));
      await eventually(
        () => /running|degraded/.test(inside(["systemctl", "is-system-running", "--wait"]).out) || undefined,
      );
    },
    async powerOff() {
      if (container === undefined) return;
      const exit = once(container, "exit");
      inside(["systemctl", "--no-block", "poweroff"]);
      await exit;
      container = undefined;
    },
    run: (...command) => inside(command),
    shell,
    until: (script) =>
      eventually(() => {
        const { code, out } = inside(["bash", "-euc", script]);
        return code === 0 ? out : undefined;
      }),
  };
}

/** As a user installs it: packed first, so that nothing of this directory is needed. */
function installPackage(directory: string, prefix: string): void {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?!config_)/.test(name)));
  const npm = (...args: string[]) =>
    execFileSync("npm", args, { cwd: PROJECT, env, stdio: ["ignore", "ignore", "pipe"] });
  // Its scripts would build again, and take away what runs here.
  npm("pack", "--silent", "--ignore-scripts", "--pack-destination", directory);
  const packed = readdirSync(directory).find((name) => name.endsWith(".tgz")) ?? "";
  mkdirSync(prefix, { recursive: true });
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--prefer-offline", "--ignore-scripts"];
  npm("install", "--prefix", prefix, ...quiet, join(directory, packed));
}

async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (const deadline = Date.now() + PATIENCE_MS; ;) {
    const found = look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error("waited in vain");
    await setTimeout(250);
  }
}

/** The container's first process. What makes it is a child too, for some milliseconds, and gone when it is asked. */
function firstProcessOf(container: number | undefined): number | undefined {
  return readFileSync(`/proc/${container}/task/${container}/children`, "utf8")
    .split(" ")
    .filter(Boolean)
    .map(Number)
    .find((pid) => /^NSpid:\t\d+\t1$/m.test(statusOf(pid)));
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}

function mountsBelow(path: string): number {
  return readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => line.split(" ")[1]?.startsWith(path)).length;
}
