// Measures `create` against its peers on data sets of its own, in turns, and prints a Markdown table: medians of the
// time by the clock and of the processor, the time against that of the first row, and the peak of memory of the largest
// process. A peer that is not installed is left out and named.
//
//   npm run bench -- [--directory DIR] [--only A,C] [--rounds 5] [--quick]
//
// --quick only shows that it works: one round over a hundredth of A. On Debian the peers come with
// `apt-get install tar zstd pigz restic borgbackup time`.
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { dataSets, startWriter } from "./bench-data.js";

const PROGRAM = fileURLToPath(new URL("../dist/lib/cli/main.js", import.meta.url));
const TIME = "/usr/bin/time";

const { values } = parseArgs({
  options: {
    directory: { type: "string", default: tmpdir() },
    only: { type: "string" },
    rounds: { type: "string", default: "5" },
    quick: { type: "boolean", default: false },
  },
});

function holdstill(...options) {
  const create = ["create", "--source", "$1", "--output", "$2/archives", "--quiet", ...options];
  return { needs: [], script: program(...create) };
}

/** The least that a Node program with archiver has to do. */
function bare() {
  return `"${process.execPath}" "${fileURLToPath(new URL("bare.js", import.meta.url))}" $1 $2`;
}

function program(...args) {
  return `"${process.execPath}" "${PROGRAM}" ${args.join(" ")}`;
}

const NAIVE = `
  import { createWriteStream } from "node:fs";
  import { pipeline } from "node:stream/promises";
  import { TarArchive } from "archiver";
  const [source, to] = process.argv.slice(1);
  const archive = new TarArchive({ gzip: true });
  archive.directory(source, "state");
  void archive.finalize();
  await pipeline(archive, createWriteStream(to));`;

/**
 * Shell scripts: $1 is what to back up, $2 a directory that is empty, $3 a scrap of JavaScript. The first is the measure.
 * `only` names the sets that one is for. `warns` is the exit code that says that a file changed while it was read: under a
 * writer it cannot but. `took` finds in what it printed how many seconds count.
 */
const CONTESTANTS = {
  "`tar --zstd`": { needs: ["tar", "zstd"], script: "tar --zstd -cf $2/x.tar.zst $1", warns: 1 },
  "`tar --zstd`, then `zstd -dc \\| sha256sum`": {
    needs: ["tar", "zstd", "sha256sum"],
    script: "tar --zstd -cf $2/x.tar.zst $1; zstd -dc $2/x.tar.zst | sha256sum",
    only: "AD",
  },
  "holdstill, zstd, `--no-verify`": holdstill("--compress zstd --no-verify"),
  "holdstill, zstd, verified": holdstill("--compress zstd"),
  "holdstill, gzip, `--no-verify`": { ...holdstill("--compress gzip --no-verify"), only: "A" },
  "`tar \\| zstd -T0`": { needs: ["tar", "zstd"], script: "tar c $1 | zstd -q -T0 > $2/x.tar.zst" },
  "`tar \\| pigz`": { needs: ["tar", "pigz"], script: "tar c $1 | pigz > $2/x.tar.gz", only: "A" },
  "`tar cz`": { needs: ["tar", "gzip"], script: "tar czf $2/x.tar.gz $1", only: "A" },
  "restic, first backup": {
    needs: ["restic"],
    script: "export RESTIC_PASSWORD=x; restic -q init -r $2/r && restic -q backup --no-cache -r $2/r $1",
    warns: 3,
  },
  "borg, first backup": {
    needs: ["borg"],
    script: "export BORG_BASE_DIR=$2; borg init -e none $2/r && borg create $2/r::x $1",
    warns: 1,
  },
  "archiver, `.directory()`, gzip": {
    needs: [],
    script: `"${process.execPath}" --input-type=module -e "$3" $1 $2/x.tgz`,
    only: "A",
  },
  "`cp -al`": { needs: ["cp"], script: "cp -al $1 $2/copy", only: "A" },
  "holdstill, its freeze, by links": {
    needs: [],
    script: program("create --source $1 --output $2/archives --strategy link --compress none --no-verify --json"),
    took: (printed) => JSON.parse(printed).frozen.ms / 1000,
    only: "A",
  },
  "holdstill, `--dry-run`": { ...holdstill("--dry-run"), only: "A" },
  "a bare Node program with archiver, zstd": { needs: ["zstd"], script: bare(), only: "ABC" },
  "its links": { needs: ["zstd"], script: bare(), took: Number, only: "A" },
  "`holdstill --version`": { needs: [], script: program("--version"), only: "A" },
};

function isInstalled(program) {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

function measured({ script, warns = 0, took }, source, scratch) {
  const output = fs.mkdtempSync(join(scratch, "output-"));
  const figures = join(scratch, "figures");
  const command = ["sh", "-c", script, "sh", source, output, NAIVE];
  // Memory that nobody has touched for a while may have been taken back: whoever is first would pay for it.
  execFileSync("sh", ["-c", 'tar c "$1" 2>/dev/null | cat >/dev/null', "sh", source]);
  const { status, stdout, stderr } = spawnSync(TIME, ["-o", figures, "-f", "%e %U %S %M", ...command], {
    ...{ stdio: ["ignore", "pipe", "pipe"], cwd: fileURLToPath(new URL("..", import.meta.url)) },
  });
  if (status !== 0 && status !== warns) throw new Error(`${script}: ${String(stderr)}`);
  const last = fs.readFileSync(figures, "utf8").trim().split("\n").at(-1);
  const [seconds, user, system, kilobytes] = last.split(" ").map(Number);
  fs.rmSync(output, { recursive: true });
  // What one has left to be written is not for the next to wait for.
  execFileSync("sync", ["-f", scratch]);
  const counted = took?.(String(stdout)) ?? seconds;
  return { seconds: counted, processor: user + system, megabytes: (kilobytes * 1024) / 1e6 };
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

function measureSet(letter, { what, make }, contestants, rounds, scratch) {
  const source = join(scratch, letter);
  fs.mkdirSync(source);
  make(source);
  const stop = startWriter(source);
  const these = Object.entries(contestants).filter(([, { only = letter }]) => only.includes(letter));
  const taken = new Map(these.map(([name]) => [name, []]));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [name, contestant] of these) {
        taken.get(name).push(measured(contestant, source, scratch));
      }
    }
  } finally {
    stop();
  }
  fs.rmSync(source, { recursive: true });
  let first;
  return [...taken].map(([name, runs]) => {
    const of = (figure) => median(runs.map((run) => run[figure]));
    first ??= of("seconds");
    const cells = [`**${letter}**: ${what}`, name, of("seconds").toFixed(2), (of("seconds") / first).toFixed(2)];
    return [...cells, of("processor").toFixed(2), of("megabytes").toFixed(0)];
  });
}

function versionOf(program) {
  const { stdout, stderr } = spawnSync(program, [program === "restic" ? "version" : "--version"], { encoding: "utf8" });
  return /\d+\.\d+(\.\d+)*/.exec(stdout + stderr)?.[0] ?? "?";
}

function row(cells) {
  return `| ${cells.join(" | ")} |`;
}

const rounds = values.quick ? 1 : Number(values.rounds);
const only = values.only ?? (values.quick ? "A" : "A,B,C,D,N");
const sets = dataSets(values.quick ? 0.01 : 1);
const programs = [...new Set(Object.values(CONTESTANTS).flatMap(({ needs }) => needs))];
const missing = programs.filter((program) => !isInstalled(program));
const contestants = Object.fromEntries(
  Object.entries(CONTESTANTS).filter(([, { needs }]) => !needs.some((program) => missing.includes(program))),
);
const scratch = fs.mkdtempSync(join(values.directory, "holdstill-bench-"));
const present = programs.filter((program) => !missing.includes(program));
const versions = ["node", ...present].map((name) => `${name} ${name === "node" ? process.version : versionOf(name)}`);
console.log(`${cpus().length} × ${cpus()[0]?.model}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}.`);
console.log(`${versions.join(", ")}${missing.length > 0 ? `; not installed: ${missing.join(", ")}` : ""}.`);
console.log(`Medians of ${rounds}.\n`);
console.log(row(["set", "what", "s", "ratio", "processor, s", "peak, MB"]));
console.log(row(["---", "---", "---:", "---:", "---:", "---:"]));
const loads = [loadavg()[0]];
try {
  for (const letter of only.split(",")) {
    if (sets[letter] === undefined) throw new Error(`no such data set: ${letter}`);
    for (const cells of measureSet(letter, sets[letter], contestants, rounds, scratch)) console.log(row(cells));
    loads.push(loadavg()[0]);
  }
  console.log(`\nLoad ${loads.map((load) => load.toFixed(1)).join(", ")} before and after each set.`);
} finally {
  fs.rmSync(scratch, { recursive: true, force: true });
}
