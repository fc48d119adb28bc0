// The data sets of the benchmark, made from a seed: the same bytes on every machine.
import { DatabaseSync } from "@photostructure/sqlite";
import { spawn } from "node:child_process";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeSessions } from "./make-sessions.js";

const WRITER = fileURLToPath(new URL("bench-writer.js", import.meta.url));
const DATABASES = ["one.sqlite", "two.sqlite"];

function sessions(files, bytes, size = "lognormal") {
  return (directory) => void makeSessions(directory, { files, bytes, size });
}

/** Like `node_modules`: packages of five small files each in a directory of its own. */
function packages(directories) {
  return (directory) => {
    for (let index = 0; index < directories; index++) {
      const parent = join(directory, `package-${Math.floor(index / 4)}`, ["", "lib", "src", "test"][index % 4]);
      fs.mkdirSync(parent, { recursive: true });
      for (let file = 0; file < 5; file++) {
        const line = `export function name${index}_${file}(value) { return value + ${index * file}; }\n`;
        fs.writeFileSync(join(parent, `module-${file}.js`), line.repeat(1 + ((index * 7 + file * 13) % 60)));
      }
    }
  };
}

function databases(directory, bytes) {
  for (const name of DATABASES) {
    const database = new DatabaseSync(join(directory, name));
    database.exec("PRAGMA journal_mode=WAL; CREATE TABLE entry (id INTEGER PRIMARY KEY, text TEXT, value INTEGER)");
    database.exec(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " +
        `${Math.floor(bytes / 1024)}) INSERT INTO entry SELECT i, hex(i * 2654435761) || ` +
        "printf('%.*c', 980, char(97 + i % 26)), 0 FROM n",
    );
    database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    database.close();
  }
}

/** Commits to all databases of a directory until it is ended. */
export function startWriter(directory) {
  const paths = DATABASES.map((name) => join(directory, name)).filter((path) => fs.existsSync(path));
  if (paths.length === 0) return () => undefined;
  const child = spawn(process.execPath, [WRITER, ...paths], { stdio: ["ignore", "ignore", "inherit"] });
  return () => void child.kill("SIGKILL");
}

/** By their letters; `scale` makes them smaller. */
export function dataSets(scale) {
  const [few, many] = [Math.round(20_000 * scale), Math.round(50_000 * scale)];
  const trees = Math.round(6_000 * scale);
  const megabytes = Math.max(1, Math.round(50 * scale));
  return {
    A: { what: `${few} sessions, lognormal, ${few / 50} MB`, make: sessions(few, few * 20_000) },
    B: { what: `20 files of ${megabytes} MB`, make: sessions(20, 20 * megabytes * 1_000_000, "fixed") },
    C: { what: `${many} files of 1 KiB`, make: sessions(many, many * 1024, "fixed") },
    D: {
      what: `A and two databases of ${4 * megabytes} MB under a writer`,
      make: (directory) => {
        sessions(few, few * 20_000)(directory);
        databases(directory, 4 * megabytes * 1_000_000);
      },
    },
    N: { what: `${trees * 5} small files in ${trees} directories`, make: packages(trees) },
  };
}
