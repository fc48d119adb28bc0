// The least that a Node program with archiver has to do for a frozen, hashed archive, and nothing else: no check, no
// index, no manifest, no order, no care for errors. What `create` takes longer than this is ours; what this takes longer
// than a peer is not. Prints how many seconds the links took.
//
//   node scripts/bare.js SOURCE EMPTY_DIRECTORY
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import { TarArchive } from "archiver";

const [source, output] = process.argv.slice(2);
const stage = `${output}/stage`;
/** Above this a file is read in pieces, and archiver is given a stream. */
const SMALL = 1 << 20;

const files = [];
const started = performance.now();
fs.mkdirSync(stage);
link(source, "");
console.log(((performance.now() - started) / 1000).toFixed(3));

const zstd = spawn("zstd", ["-q", "-T0"], { stdio: ["pipe", fs.openSync(`${output}/x.tar.zst`, "w"), "inherit"] });
const tar = new TarArchive();
gather(tar, zstd.stdin);
for (const { path, stat } of files) await append(path, stat);
await tar.finalize();
await once(zstd, "close");
fs.fsyncSync(fs.openSync(`${output}/x.tar.zst`, "r"));
fs.rmSync(stage, { recursive: true });

function link(from, path) {
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const name = `${path}/${entry.name}`;
    if (entry.isDirectory()) {
      fs.mkdirSync(stage + name);
      link(`${from}/${entry.name}`, name);
    } else {
      const stat = fs.lstatSync(`${from}/${entry.name}`);
      fs.linkSync(`${from}/${entry.name}`, stage + name);
      files.push({ path: name, stat });
    }
  }
}

async function append(path, { size, mode, mtime, mtimeMs }) {
  const taken = once(tar, "entry");
  const hash = createHash("sha256");
  const entry = { name: path, mode, date: mtime, pax: { path, mtime: String(mtimeMs / 1000) } };
  if (size <= SMALL) {
    const body = fs.readFileSync(stage + path);
    hash.update(body);
    tar.append(body, entry);
  } else {
    const body = fs.createReadStream(stage + path, { highWaterMark: SMALL });
    body.on("data", (chunk) => hash.update(chunk));
    tar.append(body, { ...entry, stats: fs.statSync(stage + path) });
  }
  await taken;
  hash.digest("hex");
}

/** archiver writes headers, bodies and padding apart: zstd takes half as long where they come together. */
function gather(from, to) {
  let parts = [];
  let length = 0;
  const flush = () => {
    const isFree = to.write(Buffer.concat(parts));
    [parts, length] = [[], 0];
    if (isFree) return;
    from.pause();
    to.once("drain", () => from.resume());
  };
  from.on("data", (chunk) => {
    parts.push(chunk);
    length += chunk.length;
    if (length >= SMALL) flush();
  });
  from.on("end", () => {
    flush();
    to.end();
  });
}
