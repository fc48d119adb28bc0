import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isArchiveName } from "../../lib/archive/name.js";

/** What a world holds that is neither the live tree nor an archive, nor of one. */
export function leftovers({ root, output }: { readonly root: string; readonly output: string }): string[] {
  const around = readdirSync(root).filter((name) => !["source", "archives", ".cache", "restored"].includes(name));
  const archives = readdirSync(output).filter((name) => name !== ".holdstill" && !isArchiveName(name));
  const state = readdirSync(join(output, ".holdstill")).filter((name) => !["index", "runs.jsonl"].includes(name));
  const names = new Set(readdirSync(output));
  const catalog = join(output, ".holdstill/index");
  const copies = (existsSync(catalog) ? readdirSync(catalog) : []).filter(
    (name) => !names.has(name.replace(/\.(jsonl\.gz|json|sha256)$/, "")),
  );
  return [...around, ...archives, ...state, ...copies].map((name) => `${name} is left behind`);
}

/** Removes from an archive directory what is not in a set of names. */
export function keepOnly(output: string, names: ReadonlySet<string>): void {
  for (const name of readdirSync(output))
    if (name !== ".holdstill" && !names.has(name)) rmSync(join(output, name), { recursive: true });
  const catalog = join(output, ".holdstill/index");
  for (const name of existsSync(catalog) ? readdirSync(catalog) : []) {
    if (!names.has(name.replace(/\.(jsonl\.gz|json|sha256)$/, ""))) rmSync(join(catalog, name));
  }
}
