import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { lstatSync, readFileSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterwards } from "./afterwards.js";

/** A file by its text or bytes, a directory by its entries, a symbolic link by `link("target")`. */
export interface Tree {
  readonly [name: string]: string | Uint8Array | Link | Tree;
}

export interface Link {
  readonly linkTo: string;
}

export function link(target: string): Tree[string] {
  return { linkTo: target };
}

/** A directory of its own for this spec, links in its path resolved. It is removed afterwards. */
export function tmpDirectory(parent = tmpdir()): string {
  const path = realpathSync(mkdtempSync(join(parent, "holdstill-spec-")));
  afterwards(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Writes a tree below a fresh directory, and returns the path of the tree: its parent is the spec's own too. */
export function tmpTree(tree: Tree, name = "source"): string {
  const root = join(tmpDirectory(), name);
  writeTree(root, tree);
  return root;
}

export function writeTree(root: string, tree: Tree): void {
  mkdirSync(root, { recursive: true });
  for (const [name, value] of Object.entries(tree)) {
    const path = join(root, name);
    mkdirSync(dirname(path), { recursive: true });
    if (typeof value === "string" || value instanceof Uint8Array) writeFileSync(path, value);
    else if (isLink(value)) symlinkSync(value.linkTo, path);
    else writeTree(path, value);
  }
}

function isLink(value: Link | Tree): value is Link {
  return typeof value["linkTo"] === "string" && Object.keys(value).length === 1;
}

/** Makes everything below a path look as if nobody had touched it for so long. */
export function age(path: string, seconds: number): void {
  const then = Date.now() / 1000 - seconds;
  const stat = lstatSync(path);
  if (stat.isDirectory()) for (const name of readdirSync(path)) age(join(path, name), seconds);
  if (!stat.isSymbolicLink()) utimesSync(path, then, then);
}

/** All paths below a directory with what is at each: bytes, `-> target`, or `/` for a directory. */
export function contents(root: string, below = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(join(root, below)).sort()) {
    const path = join(below, name);
    const stat = lstatSync(join(root, path));
    if (stat.isDirectory()) Object.assign(found, { [`${path}/`]: "/" }, contents(root, path));
    else if (stat.isSymbolicLink()) found[path] = `-> ${readlinkSync(join(root, path))}`;
    else if (stat.isFile()) found[path] = readFileSync(join(root, path), "latin1");
    else found[path] = "special";
  }
  return found;
}
