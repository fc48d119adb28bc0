import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, type Context } from "mocha";

const MIB = 2 ** 20;
const FAULTY = fileURLToPath(new URL("../../../scripts/faulty-mount.py", import.meta.url));

/** How each filesystem is made on an image; `tmpfs` needs none. */
const MAKE = {
  xfs: ["mkfs.xfs", "-q", "-m", "reflink=1"],
  ext4: ["mkfs.ext4", "-q", "-F", "-m", "0"],
  /** Its inodes have no room for anything finer: time stamps of whole seconds. */
  "ext4 with 128-byte inodes": ["mkfs.ext4", "-q", "-F", "-I", "128"],
} as const;

export type FilesystemKind = keyof typeof MAKE | "tmpfs";

/** Mounts of a group of specs. Where one is refused, the hook or spec that asks for it is skipped, and says why. */
export interface Mounts {
  /** Mounts a fresh filesystem; returns where. */
  readonly make: (asking: Context, kind: FilesystemKind, mebibytes: number, options?: string, at?: string) => string;
  /** Mounts a directory at a second place; returns what takes it away again before the group ends. */
  readonly bind: (asking: Context, directory: string, at: string, options?: string) => () => void;
  /** Shows a directory at a second place as a disk that fails has it: see scripts/faulty-mount.py. Returns where. */
  readonly faulty: (asking: Context, directory: string) => string;
  /** Lays an empty directory over another, which nothing is written to; returns where they are one. */
  readonly overlay: (asking: Context, lower: string) => string;
}

/** To be called in a `describe`: whatever became of its specs, all is unmounted and removed when it ends. */
export function mounts(): Mounts {
  const mounted: string[] = [];
  const scratch: string[] = [];

  after(() => {
    const busy = mounted
      .splice(0)
      .reverse()
      .filter((path) => !unmount(path));
    // Taken out of the tree at least: what is still mounted would be emptied through its mount point.
    for (const path of busy) execFileSync("umount", ["--lazy", path]);
    for (const path of scratch.splice(0)) rmSync(path, { recursive: true, force: true });
    if (busy.length > 0) throw new Error(`was still in use: ${busy.join(", ")}`);
  });

  function mount(asking: Context, args: readonly string[], at: string): void {
    run(asking, ["mount", ...args, at]);
    mounted.push(at);
  }

  function scratchDirectory(): string {
    const directory = realpathSync(mkdtempSync(join(tmpdir(), "holdstill-mount-")));
    scratch.push(directory);
    return directory;
  }

  return {
    make(asking, kind, mebibytes, options, at) {
      if (process.getuid?.() !== 0) skip(asking, "mounting needs root");
      const directory = scratchDirectory();
      const point = at ?? join(directory, "mounted");
      mkdirSync(point, { recursive: true });
      if (kind === "tmpfs") {
        const all = [`size=${mebibytes}m`, "mode=700", ...(options === undefined ? [] : [options])].join(",");
        mount(asking, ["-t", "tmpfs", "-o", all, "holdstill-spec"], point);
        return point;
      }
      const image = join(directory, "image");
      writeFileSync(image, "");
      truncateSync(image, mebibytes * MIB);
      run(asking, [...MAKE[kind], image]);
      mount(asking, ["-o", ["loop", ...(options === undefined ? [] : [options])].join(","), image], point);
      return point;
    },
    bind(asking, directory, at, options) {
      mount(asking, ["--bind", directory], at);
      if (options !== undefined) run(asking, ["mount", "-o", `remount,bind,${options}`, at]);
      return () => {
        execFileSync("umount", [at]);
        mounted.splice(mounted.indexOf(at), 1);
      };
    },
    faulty(asking, directory) {
      const at = scratchDirectory();
      run(asking, [FAULTY, directory, at]);
      mounted.push(at);
      return at;
    },
    overlay(asking, lower) {
      const directory = scratchDirectory();
      const at = join(directory, "merged");
      for (const name of ["upper", "work", "merged"]) mkdirSync(join(directory, name));
      const layers = `lowerdir=${lower},upperdir=${directory}/upper,workdir=${directory}/work`;
      mount(asking, ["-t", "overlay", "-o", layers, "overlay"], at);
      return at;
    },
  };
}

export function skip(asking: Context, why: string): never {
  process.stdout.write(`      (skipped: ${why})\n`);
  return asking.skip();
}

function run(asking: Context, [program = "", ...args]: readonly string[]): void {
  try {
    execFileSync(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  } catch (error) {
    const { code, stderr } = error as { readonly code?: string; readonly stderr?: Buffer };
    const why = code === "ENOENT" ? "it is not installed; scripts/interop-setup.sh installs it" : String(stderr).trim();
    skip(asking, `${program} ${args.join(" ")}: ${why}`);
  }
}

function unmount(path: string): boolean {
  return spawnSync("umount", [path]).status === 0;
}
