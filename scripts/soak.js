// Backs up a tree that is written to without a pause, prunes, restores and is killed now and then, and tells whether
// memory, descriptors and disk stay flat.
//
//   node scripts/soak.js [--minutes 20]    needs dist/ (npm run build)
import { spawnSync } from "node:child_process";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "20" } } });
const { status } = spawnSync(
  process.execPath,
  ["node_modules/mocha/bin/mocha.js", "--config", ".mocharc.serial.json", "dist/spec/soak/**/*.spec.js"],
  { stdio: "inherit", env: { ...process.env, HOLDSTILL_SOAK_MINUTES: values.minutes } },
);
process.exitCode = status ?? 1;
