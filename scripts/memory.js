// Measures how much memory and time `create`, by links and by copies, `verify` and `restore` take: for 100,000 files of
// 1 KB, and for one file of 2 GiB. Prints the peak resident set of the largest process of each run (GNU time's figure;
// that of the main process alone where there is no /usr/bin/time), and exits with 1 where one is above 220 MB.
//
//   node scripts/memory.js [DIRECTORY]     needs about 9 GiB there, and dist/ (npm run build)
//   node scripts/memory.js --load [--share 0.1] [DIRECTORY]
//
// With --load: 200,000 files, and 20 GiB of which 15 are holes; needs about 50 GiB. --share makes it so much of that.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearInterval, setInterval } from "node:timers";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const LIMIT = 220e6;
const TIME = "/usr/bin/time";
const PROGRAM = fileURLToPath(new URL("../dist/lib/cli/main.js", import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { load: { type: "boolean", default: false }, share: { type: "string", default: "1" } },
});
const SHARE = Number(values.share);
if (!(SHARE > 0 && SHARE <= 1)) throw new Error("--share is above 0 and at most 1");

/** Many files of 1 KB in a hundred directories. */
function small(count) {
  return (directory) => {
    const filler = "x".repeat(900);
    for (let index = 0; index < count; index++) {
      const parent = join(directory, `agent-${index % 100}`);
      if (index < 100) fs.mkdirSync(parent);
      const line = JSON.stringify({ index, random: randomBytes(24).toString("hex"), filler });
      fs.writeFileSync(join(parent, `${index}.jsonl`), `${line.padEnd(999)}\n`);
    }
  };
}

/** Half of it is text that compresses well, half of it is noise. */
function large(path, mebibytes) {
  const fd = fs.openSync(path, "w");
  const text = Buffer.alloc(512 << 10, "half of it is text that compresses well, half of it is noise\n");
  for (let mebibyte = 0; mebibyte < mebibytes; mebibyte++) {
    fs.writeSync(fd, text);
    fs.writeSync(fd, randomBytes(512 << 10));
  }
  fs.closeSync(fd);
}

/** Five files that are all hole but for their ends, and five that have none. */
function sparseAndReal(mebibytes) {
  return (directory) => {
    for (let index = 0; index < 5; index++) {
      large(join(directory, `real-${index}.bin`), Math.round(mebibytes / 20));
      const fd = fs.openSync(join(directory, `sparse-${index}.bin`), "w");
      fs.writeSync(fd, "the end", Math.round((mebibytes * 3) / 20) * 2 ** 20 - 7);
      fs.closeSync(fd);
    }
  };
}

const FILES = Math.round(200_000 * SHARE);
const MEBIBYTES = Math.round(20 * 1024 * SHARE);

const CASES = values.load
  ? {
      [`${FILES.toLocaleString("en")} files of 1 KB`]: small(FILES),
      [`${MEBIBYTES.toLocaleString("en")} MiB, a quarter of them real`]: sparseAndReal(MEBIBYTES),
    }
  : {
      "100,000 files of 1 KB": small(100_000),
      "one file of 2 GiB": (directory) => large(join(directory, "large.bin"), 2048),
    };

/** Runs holdstill; resolves to its peak resident set in bytes, and how long it took. */
function measured(args, scratch) {
  const timed = fs.existsSync(TIME);
  const figures = join(scratch, "time");
  const command = [process.execPath, PROGRAM, ...args];
  const [program, ...rest] = timed ? [TIME, "--verbose", "--output", figures, ...command] : command;
  const started = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { stdio: ["ignore", "ignore", "inherit"] });
    let polled = 0;
    const poll = () => (polled = Math.max(polled, highWater(child.pid)));
    const timer = timed ? undefined : setInterval(poll, 20);
    child.on("error", reject);
    child.on("exit", (code) => {
      clearInterval(timer);
      if (code !== 0) return reject(new Error(`holdstill ${args[0]} ended with ${code}`));
      const peak = timed
        ? Number(/Maximum resident.*: (\d+)/.exec(fs.readFileSync(figures, "utf8"))?.[1]) * 1024
        : polled;
      if (!(peak > 0)) return reject(new Error("no figure of the memory was to be had"));
      resolve({ peak, seconds: (performance.now() - started) / 1000 });
    });
  });
}

function highWater(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "ESRCH") throw error;
    return 0;
  }
}

const scratch = fs.mkdtempSync(join(positionals[0] ?? tmpdir(), "holdstill-memory-"));
let above = 0;
try {
  for (const [name, fill] of Object.entries(CASES)) {
    const source = join(scratch, "source");
    const archives = join(scratch, "archives");
    fs.mkdirSync(source);
    fill(source);
    const create = () => measured(["create", "--source", source, "--output", archives], scratch);
    const archive = () => {
      const name = fs.readdirSync(archives).find((entry) => /\.tar(\.|$)/.test(entry) && !entry.startsWith("."));
      return join(archives, name);
    };
    const target = join(scratch, "target");
    const verify = () => measured(["verify", archive()], scratch);
    const restore = () => measured(["restore", archive(), "--target", target], scratch);
    // Read twice, and the copy of the index left aside.
    const restoreAlone = () => {
      fs.rmSync(target, { recursive: true });
      fs.rmSync(join(archives, ".holdstill"), { recursive: true });
      return restore();
    };
    const copying = () =>
      measured(["create", "--strategy", "copy", "--source", source, "--output", join(scratch, "copied")], scratch);
    const runs = {
      ...{ create, verify, restore, "restore without the copy of the index": restoreAlone },
      "create --strategy copy": copying,
    };
    for (const [command, run] of Object.entries(runs)) {
      const { peak, seconds } = await run();
      if (peak > LIMIT) above++;
      const verdict = peak > LIMIT ? `, above ${LIMIT / 1e6} MB` : "";
      console.log(`${name}: ${command} took ${(peak / 1e6).toFixed(0)} MB and ${seconds.toFixed(1)} s${verdict}`);
    }
    for (const path of [source, archives, target, join(scratch, "copied")]) fs.rmSync(path, { recursive: true });
  }
} finally {
  fs.rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = above > 0 ? 1 : 0;
