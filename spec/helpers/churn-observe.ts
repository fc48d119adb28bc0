import fs from "node:fs";
import { join } from "node:path";
import type { Observed } from "./churn-judge.js";

/** Everything below a directory, its content read only when it is asked for. Fails on what is no file, directory or link. */
export function* observe(directory: string, prefix = ""): Generator<Observed> {
  for (const entry of fs.readdirSync(join(directory, prefix), { withFileTypes: true })) {
    const path = prefix + entry.name;
    const full = join(directory, path);
    if (entry.isFile()) yield { path, type: "file", bytes: () => fs.readFileSync(full) };
    else if (entry.isSymbolicLink())
      yield { path, type: "symlink", bytes: fs.readlinkSync(full, { encoding: "buffer" }) };
    else if (entry.isDirectory()) {
      yield { path, type: "directory", bytes: Buffer.alloc(0) };
      yield* observe(directory, `${path}/`);
    } else throw new Error(`${path}: neither file, directory nor symbolic link`);
  }
}
