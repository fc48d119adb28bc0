// Measures how much memory `create` and `verify` take: for 100,000 files of 1 KB, and for one file of 2 GiB. Prints the
// peak resident set of the largest process of each run (GNU time's figure; that of the main process alone where there
// is no /usr/bin/time), and exits with 1 where one is above 220 MB.
//
//   node scripts/memory.js [DIRECTORY]     needs about 7 GiB there, and dist/ (npm run build)
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearInterval, setInterval } from "node:timers";
import { fileURLToPath } from "node:url";

const LIMIT = 220e6;
const TIME = "/usr/bin/time";
const PROGRAM = fileURLToPath(new URL("../dist/lib/cli/main.js", import.meta.url));

const CASES = {
  "100,000 files of 1 KB": (directory) => {
    const filler = "x".repeat(900);
    for (let index = 0; index < 100_000; index++) {
      const parent = join(directory, `agent-${index % 100}`);
      if (index < 100) fs.mkdirSync(parent);
      const line = JSON.stringify({ index, random: randomBytes(24).toString("hex"), filler });
      fs.writeFileSync(join(parent, `${index}.jsonl`), `${line.padEnd(999)}\n`);
    }
  },
  "one file of 2 GiB": (directory) => {
    const fd = fs.openSync(join(directory, "large.bin"), "w");
    const text = Buffer.alloc(512 << 10, "half of it is text that compresses well, half of it is noise\n");
    for (let mebibyte = 0; mebibyte < 2048; mebibyte++) {
      fs.writeSync(fd, text);
      fs.writeSync(fd, randomBytes(512 << 10));
    }
    fs.closeSync(fd);
  },
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

const scratch = fs.mkdtempSync(join(process.argv[2] ?? tmpdir(), "holdstill-memory-"));
let above = 0;
try {
  for (const [name, fill] of Object.entries(CASES)) {
    const source = join(scratch, "source");
    const archives = join(scratch, "archives");
    fs.mkdirSync(source);
    fill(source);
    const create = () => measured(["create", "--source", source, "--output", archives], scratch);
    const verify = () => {
      const archive = fs.readdirSync(archives).find((entry) => /\.tar(\.|$)/.test(entry) && !entry.startsWith("."));
      return measured(["verify", join(archives, archive)], scratch);
    };
    for (const [command, run] of Object.entries({ create, verify })) {
      const { peak, seconds } = await run();
      if (peak > LIMIT) above++;
      const verdict = peak > LIMIT ? `, above ${LIMIT / 1e6} MB` : "";
      console.log(`${name}: ${command} took ${(peak / 1e6).toFixed(0)} MB and ${seconds.toFixed(1)} s${verdict}`);
    }
    for (const path of [source, archives]) fs.rmSync(path, { recursive: true });
  }
} finally {
  fs.rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = above > 0 ? 1 : 0;
