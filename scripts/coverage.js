// Runs the specs and tells how much of lib/ they reach: needs dist/ (npm run build).
//
//   node scripts/coverage.js [FILE…]    the compiled spec files; all by default
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const c8 = [
  "node_modules/c8/bin/c8.js",
  "--include=lib/**",
  "--exclude-after-remap",
  "--reporter=text",
  "--clean=false",
];
// Some specs run the program as a user without privileges, who tells what it reached too.
const parts = mkdtempSync(join(tmpdir(), "holdstill-coverage-"));
chmodSync(parts, 0o1777);
try {
  const mocha = ["node_modules/mocha/bin/mocha.js", ...process.argv.slice(2)];
  const args = [...c8, `--temp-directory=${parts}`, process.execPath, ...mocha];
  process.exitCode = spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(parts, { recursive: true });
}
