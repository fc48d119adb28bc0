import { readFileSync } from "node:fs";
import { extract } from "tar-stream";
import { parseLine } from "../../lib/archive/parse-line.js";
import type { Observed } from "./churn-judge.js";

/** What an uncompressed archive holds of one source, and the lines of its index. Fails on a tar that is cut off. */
export async function archived(
  archive: string,
  source: string,
): Promise<{ readonly found: readonly Observed[]; readonly lines: readonly Line[] }> {
  const entries = extract();
  entries.end(readFileSync(archive));
  const found: Observed[] = [];
  const byName = new Map<string, Buffer>();
  let lines: Line[] = [];
  for await (const entry of entries) {
    const { name, type, linkname } = entry.header;
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part as Buffer);
    const bytes = type === "link" ? (byName.get(String(linkname)) ?? Buffer.alloc(0)) : Buffer.concat(parts);
    byName.set(name, bytes);
    const path = name.replace(/\/$/, "").split("/payload/posix")[1];
    if (name.endsWith("/holdstill/index.jsonl")) lines = linesOf(bytes);
    if (path === undefined || !path.startsWith(`${source}/`)) continue;
    const relative = path.slice(source.length + 1);
    if (type === "directory") found.push({ path: relative, type, bytes });
    else if (type === "symlink") found.push({ path: relative, type, bytes: Buffer.from(String(linkname)) });
    else found.push({ path: relative, type: "file", bytes });
  }
  return { found, lines };
}

export type Line = ReturnType<typeof parseLine>;

function linesOf(index: Buffer): Line[] {
  return index
    .toString("utf8")
    .trimEnd()
    .split("\n")
    .map((line, index) => parseLine(line, index + 1));
}
