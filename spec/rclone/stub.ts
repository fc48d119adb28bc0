import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpDirectory } from "../helpers/tree.js";

/** What goes wrong: while a file is copied to the remote, or when it is to be named. */
export type Fault = "short" | "flipped" | "cut off" | "unhashed" | "unmoved" | "overtaken" | "without directories";

const SCRIPT = `
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { basename, join } from "node:path";
const { env } = process;
const root = env.RCLONE_CONFIG_HOLDSTILL_PLACE_REMOTE;
const args = process.argv.slice(2);
const at = (path) => path.startsWith("holdstill_place:") ? join(root, path.slice(16)) : path;
const fault = env.STUB_FAULT;
const [command] = args;
const paths = args.filter((arg, i) => i > 0 && (arg.includes("/") || arg.includes(":")) && !args[i - 1].startsWith("--"));
const [from, to] = paths.map(at);
const included = (name) => args.some((arg, i) => args[i - 1] === "--include" &&
  (arg === "/*.json" ? name.endsWith(".json") : name.startsWith(arg.slice(1, arg.indexOf(".{")) + ".")));
const told = (path) => {
  const { size, mtime } = fs.statSync(path);
  const sha1 = createHash("sha1").update(fs.readFileSync(path)).digest("hex");
  return { Name: basename(path), Size: size, ModTime: mtime.toISOString(), IsDir: false, Hashes: fault === "unhashed" ? {} : { sha1 } };
};
const files = (directory) => fs.existsSync(directory)
  ? fs.readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => name) : [];
fs.appendFileSync(join(import.meta.dirname, "log"), args.join(" ") + "\\n");
if (command === "lsjson" && args.includes("--stat")) {
  if (!fs.existsSync(from)) {
    if (fault !== "without directories") process.exit(3);
    console.log(JSON.stringify({ Name: basename(from), Size: -1, ModTime: "2000-01-01T00:00:00Z", IsDir: true }));
    process.exit(0);
  }
  console.log(JSON.stringify(told(from)));
} else if (command === "lsjson") {
  if (!fs.existsSync(root)) process.exit(3);
  console.log(JSON.stringify(files(root).map((name) => told(join(root, name)))));
} else if (command === "copyto") {
  const data = Buffer.from(fs.readFileSync(from));
  if (to.startsWith(root)) {
    fs.mkdirSync(root, { recursive: true });
    if (fault === "flipped") data[9] ^= 1;
    const half = fault === "short" || fault === "cut off";
    fs.writeFileSync(to, half ? data.subarray(0, data.length / 2) : data);
    if (fault === "overtaken") fs.writeFileSync(join(root, basename(from)), "other");
    if (fault === "cut off") { console.error("Failed to copyto: connection reset by peer"); process.exit(1); }
  } else fs.writeFileSync(to, data);
} else if (command === "moveto") {
  if (fault === "unmoved") { console.error("Failed to moveto: permission denied"); process.exit(1); }
  fs.renameSync(from, to);
} else if (command === "deletefile") {
  if (env.STUB_KEEPS === "all") { console.error("Failed to deletefile: permission denied"); process.exit(1); }
  fs.rmSync(from);
} else if (command === "cat") {
  process.stdout.write(fs.readFileSync(from));
} else if (command === "copy") {
  fs.mkdirSync(to, { recursive: true });
  for (const name of files(from).filter(included)) fs.copyFileSync(join(from, name), join(to, name));
} else if (command === "delete") {
  for (const name of files(from).filter(included)) fs.rmSync(join(from, name));
} else process.exit(1);
`;

/** A program in rclone's place, whose remotes are directories: an environment in which it is found. */
export function stubRclone(fault?: Fault): Record<string, string> {
  const bin = tmpDirectory();
  writeFileSync(join(bin, "rclone"), `#!/bin/sh\nexec "${process.execPath}" "${bin}/rclone.mjs" "$@"\n`, {
    mode: 0o755,
  });
  writeFileSync(join(bin, "rclone.mjs"), SCRIPT);
  return { PATH: `${bin}:${process.env["PATH"]}`, ...(fault && { STUB_FAULT: fault }) };
}
