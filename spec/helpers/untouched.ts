import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** What of a tree no backup may change. Hard links may move `ctime`. */
export function marksOf(root: string, { ctime }: { readonly ctime: boolean }): Record<string, string> {
  const found: Record<string, string> = {};
  const waiting = ["."];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const stat = lstatSync(join(root, path), { bigint: true });
    const { ino, mode, uid, gid, size, nlink, mtimeNs, ctimeNs } = stat;
    found[path] = [ino, mode, uid, gid, size, nlink, mtimeNs, ...(ctime ? [ctimeNs] : [])].join(" ");
    if (stat.isDirectory()) waiting.push(...readdirSync(join(root, path)).map((name) => join(path, name)));
  }
  return found;
}
