import fs from "node:fs";
import {
  append,
  createFile,
  openToAppend,
  pathOf,
  removeDirectory,
  rename,
  truncate,
  unlink,
  write,
} from "./churn-tree.js";
import { addBlob, addMedia, addSession, blob, jsonl, line, pick, type World, type Written } from "./churn-world.js";

/** What is done, and how often relative to the others. */
const OPERATIONS: readonly (readonly [number, (world: World) => void])[] = [
  [340, (world) => appendWhole(world, atRest(world, world.sessions))],
  [120, (world) => appendSplit(world, atRest(world, world.sessions))],
  [110, (world) => appendWhole(world, atRest(world, world.logs))],
  [30, (world) => appendSplit(world, atRest(world, world.logs))],
  [80, turnOver],
  [60, archiveSession],
  [40, moveToAnotherAgent],
  [10, renameOverAnother],
  [50, compact],
  [5, rewriteSession],
  [55, rewriteBlob],
  [40, replaceSessionsJson],
  [50, lock],
  [6, removeAndRecreate],
  [6, renameDirectory],
];
const TOTAL = OPERATIONS.reduce((sum, [weight]) => sum + weight, 0);

/** Does one thing to the tree, chosen by the world's random numbers. */
export function operate(world: World): void {
  let left = world.random() * TOTAL;
  const chosen = OPERATIONS.find(([weight]) => (left -= weight) < 0);
  chosen?.[1](world);
}

function appendWhole(world: World, file: Written): void {
  append(world.tree, file, line(world, file.record.id));
}

function appendSplit(world: World, file: Written): void {
  const bytes = line(world, file.record.id);
  const middle = 1 + Math.floor(world.random() * (bytes.length - 1));
  const fd = openToAppend(world.tree, file);
  write(world.tree, file, fd, bytes.subarray(0, middle));
  finishLater(world, file, fd, bytes.subarray(middle));
}

function turnOver(world: World): void {
  if (world.sessions.length < world.target * (0.95 + 0.1 * world.random())) {
    addSession(world);
    return;
  }
  const session = pick(world, world.sessions);
  unlink(world.tree, session);
  forget(world, session);
}

/** What `/new` and cleanup do. Half of the time a new session takes over the name. */
function archiveSession(world: World): void {
  const session = pick(world, world.sessions);
  const base = pathOf(session).replace(/\.jsonl.*$/, ".jsonl");
  const suffix = world.random() < 0.5 ? "reset" : "deleted";
  const stamp = new Date(world.tree.now()).toISOString().replaceAll(":", "-");
  const archived = `${base}.${suffix}.${stamp}`;
  if (world.tree.entries.has(archived)) return;
  rename(world.tree, session, archived);
  if (world.random() < 0.5 && !world.tree.entries.has(base)) addSession(world, base);
}

function moveToAnotherAgent(world: World): void {
  const session = pick(world, world.sessions);
  const name = pathOf(session).replace(/^.*\//, "");
  const path = `${pathOf(pick(world, world.homes))}/${name}`;
  if (!world.tree.entries.has(path)) rename(world.tree, session, path);
}

function renameOverAnother(world: World): void {
  const victim = pick(world, world.sessions);
  const session = pick(world, world.sessions);
  if (session === victim) return;
  rename(world.tree, session, pathOf(victim));
  forget(world, victim);
}

/** An atomic replace, and a new file: the old one may still be held open by who appends to it. */
function compact(world: World): void {
  const session = pick(world, world.sessions);
  const path = pathOf(session);
  const replacement = addSession(world, `${path}.${world.sequence}.tmp`);
  rename(world.tree, replacement, path);
  forget(world, session);
}

function replaceSessionsJson(world: World): void {
  const path = `${pathOf(pick(world, world.homes))}/sessions.json`;
  rename(world.tree, addBlob(world, `${path}.${world.sequence}.tmp`, 8_000), path);
}

function rewriteSession(world: World): void {
  const session = atRest(world, world.sessions);
  rewrite(world, session, jsonl(world, session.record.id, 6));
}

function rewriteBlob(world: World): void {
  const file = atRest(world, world.blobs);
  const size = pathOf(file).startsWith("credentials/") ? 400 : 20_000;
  rewrite(world, file, blob(world, file.record.id, size));
}

/** Truncates and writes in place; one time of four somebody can look in between. */
function rewrite(world: World, file: Written, bytes: Buffer): void {
  const fd = truncate(world.tree, file);
  if (world.random() < 0.25) {
    finishLater(world, file, fd, bytes);
    return;
  }
  write(world.tree, file, fd, bytes);
  fs.closeSync(fd);
}

function lock(world: World): void {
  const path = `${pathOf(pick(world, world.sessions)).replace(/\.jsonl.*$/, ".jsonl")}.lock`;
  if (world.tree.entries.has(path)) return;
  const file = createFile(world.tree, path, (id) => blob(world, id, 60));
  world.later(1 + world.random() * 5, () => {
    if (file.path !== undefined) unlink(world.tree, file);
  });
}

function removeAndRecreate(world: World): void {
  const directory = pick(world, world.media);
  const path = pathOf(directory);
  removeDirectory(world.tree, directory);
  world.media.splice(world.media.indexOf(directory), 1, addMedia(world, path));
}

function renameDirectory(world: World): void {
  const directory = pick(world, world.random() < 0.5 ? world.agents : world.media);
  const path = pathOf(directory).replace(/\.moved-.*$/, "");
  rename(world.tree, directory, `${path}.moved-${world.sequence++}`);
}

function finishLater(world: World, file: Written, fd: number, bytes: Buffer): void {
  file.busy = true;
  world.later(1 + world.random() * 10, () => {
    write(world.tree, file, fd, bytes);
    fs.closeSync(fd);
    file.busy = false;
  });
}

/** A file that nobody is in the middle of writing; a few are chosen much more often than the rest. */
function atRest(world: World, files: readonly Written[]): Written {
  return pick(
    world,
    files.filter(({ busy }) => !busy),
    3,
  );
}

function forget(world: World, session: Written): void {
  world.sessions.splice(world.sessions.indexOf(session), 1);
}
