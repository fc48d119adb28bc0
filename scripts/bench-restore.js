// Measures `restore` of many session files against `zstd -dc | tar x` of the same archive, in turns, and prints the
// medians. Exits with 1 where restore takes more than twice as long. tar does not sync what it writes; restore does.
//
//   node scripts/bench-restore.js [DIRECTORY] [--files N] [--rounds N]     needs dist/ (npm run build), zstd and tar
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeSessions } from "./make-sessions.js";

const PROGRAM = fileURLToPath(new URL("../dist/lib/cli/main.js", import.meta.url));
const MOST = 2;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { files: { type: "string", default: "20000" }, rounds: { type: "string", default: "5" } },
});

function timed(program, args) {
  const started = performance.now();
  execFileSync(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  return (performance.now() - started) / 1000;
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

const scratch = fs.mkdtempSync(join(positionals[0] ?? tmpdir(), "holdstill-bench-"));
try {
  const files = Number(values.files);
  makeSessions(join(scratch, "state"), { files, bytes: files * 20_000 });
  const archives = join(scratch, "archives");
  const create = ["create", "--source", join(scratch, "state"), "--output", archives, "--compress", "zstd"];
  timed(process.execPath, [PROGRAM, ...create]);
  const name = fs.readdirSync(archives).find((entry) => entry.endsWith(".tar.zst") && !entry.startsWith("."));
  const archive = join(archives, name);
  const runs = {
    "zstd -dc | tar x": (target) => {
      fs.mkdirSync(target);
      return timed("sh", ["-c", 'zstd -dc "$1" | tar x -C "$2"', "sh", archive, target]);
    },
    "holdstill restore": (target) => timed(process.execPath, [PROGRAM, "restore", archive, "--target", target]),
  };
  const taken = Object.fromEntries(Object.keys(runs).map((run) => [run, []]));
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const [run, perform] of Object.entries(runs)) {
      // Each into a directory of its own, which stays: ext4 is slow to make files where some were just removed.
      taken[run].push(perform(join(scratch, `target-${round}-${run.split(" ")[0]}`)));
      // What one has left to be written is not for the next to wait for.
      execFileSync("sync", ["-f", scratch]);
    }
  }
  const medians = Object.entries(taken).map(([run, seconds]) => {
    const list = seconds.map((second) => second.toFixed(2)).join(" ");
    console.log(`${run}: ${median(seconds).toFixed(2)} s (${list})`);
    return median(seconds);
  });
  const ratio = medians[1] / medians[0];
  console.log(`${files} files: restore takes ${ratio.toFixed(2)} times as long`);
  process.exitCode = ratio > MOST ? 1 : 0;
} finally {
  fs.rmSync(scratch, { recursive: true, force: true });
}
