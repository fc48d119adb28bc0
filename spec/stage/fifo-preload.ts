/** For the process that holds databases: puts a FIFO in the place of one right before SQLite opens it. */
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const path = process.env["HOLDSTILL_SPEC_FIFO"];
const real = fs.openSync;
if (path !== undefined && process.argv[1]?.endsWith("/database-child.js") === true) {
  fs.openSync = (...args: Parameters<typeof real>) => {
    // Which descriptors SQLite will have is found out by opening this.
    if (args[0] === "/" && fs.lstatSync(path).isFile()) {
      fs.renameSync(path, `${path}.old`);
      execFileSync("mkfifo", [path]);
    }
    return real(...args);
  };
  syncBuiltinESMExports();
}
