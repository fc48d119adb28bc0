import fs from "node:fs";
import { dirname, join } from "node:path";
import { spawnSync } from "node:child_process";

/** Something that a program does to its tree, below that tree's root. */
export interface Doing {
  readonly name: string;
  readonly act: (root: string) => void;
}

const doing = (name: string, act: (at: (path: string) => string) => void): Doing => ({
  name,
  act: (root) => act((path) => join(root, path)),
});

export const unlink = (path: string): Doing => doing(`unlink ${path}`, (at) => fs.unlinkSync(at(path)));

export const append = (path: string, text: string): Doing =>
  doing(`append to ${path}`, (at) => fs.appendFileSync(at(path), text));

/** In place, so that whoever has it open or linked sees it. */
export const rewrite = (path: string, text: string): Doing =>
  doing(`rewrite ${path}`, (at) => fs.writeFileSync(at(path), text));

export const truncate = (path: string): Doing => doing(`truncate ${path}`, (at) => fs.truncateSync(at(path)));

export const touch = (path: string): Doing =>
  doing(`touch ${path}`, (at) => fs.utimesSync(at(path), Date.now() / 1000, Date.now() / 1000));

export const rename = (from: string, to: string): Doing =>
  doing(`rename ${from} to ${to}`, (at) => fs.renameSync(at(from), at(to)));

export const create = (path: string, text: string): Doing =>
  doing(`create ${path}`, (at) => {
    fs.mkdirSync(dirname(at(path)), { recursive: true });
    fs.writeFileSync(at(path), text, { flag: "wx" });
  });

/** A new file is renamed over it. */
export const replace = (path: string, text: string): Doing =>
  doing(`replace ${path}`, (at) => {
    fs.writeFileSync(at(`${path}.tmp`), text);
    fs.renameSync(at(`${path}.tmp`), at(path));
  });

export const remove = (path: string): Doing =>
  doing(`remove ${path}`, (at) => fs.rmSync(at(path), { recursive: true }));

/** Puts something else in the place of a file or directory, and that beside it. */
const swap = (path: string, what: string, put: (at: string) => void): Doing =>
  doing(`put ${what} in place of ${path}`, (at) => {
    const place = at(path);
    fs.renameSync(place, `${place}.old`);
    put(place);
  });

export const swapForLink = (path: string, target: string): Doing =>
  swap(path, `a link to ${target}`, (at) => fs.symlinkSync(target, at));

export const swapForFifo = (path: string): Doing => swap(path, "a FIFO", (at) => void spawnSync("mkfifo", [at]));

export const swapForDirectory = (path: string): Doing =>
  swap(path, "a directory", (at) => {
    fs.mkdirSync(at);
    fs.writeFileSync(join(at, "inner.txt"), "inner\n");
  });

export const swapForFile = (path: string): Doing =>
  swap(path, "a file", (at) => fs.writeFileSync(at, "was a directory\n"));

/** Several, one right after the other. */
export const both = (...all: readonly Doing[]): Doing => ({
  name: all.map(({ name }) => name).join(" and "),
  act: (root) => all.forEach(({ act }) => act(root)),
});
