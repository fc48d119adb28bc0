import fs from "node:fs";
import { join } from "node:path";
import { createDirectory, createFile, pathOf, plant, type Entry, type FileEntry, type Tree } from "./churn-tree.js";
import { randomFrom } from "./churn-random.js";

/** A file whose next write is still to come takes no other write, or its lines would mix. */
export interface Written extends FileEntry {
  busy: boolean;
}

/** What the operations choose from. */
export interface World {
  readonly tree: Tree;
  readonly random: () => number;
  /** Has an action done some milliseconds from now, between two operations. */
  readonly later: (ms: number, action: () => void) => void;
  readonly agents: Entry[];
  /** The `sessions` directory of each agent. */
  readonly homes: Entry[];
  /** Directories that are removed and made again. */
  readonly media: Entry[];
  readonly sessions: Written[];
  readonly logs: Written[];
  readonly blobs: Written[];
  /** How many sessions there should be, more or less. */
  readonly target: number;
  sequence: number;
}

export interface WorldOptions {
  readonly directory: string;
  readonly files: number;
  readonly seed: number;
  readonly now: () => number;
  readonly later: World["later"];
}

const AGENT_SIZE = 100;
const DAY = 86_400;

/** Fills a directory with what a gateway keeps. Three of four sessions have been at rest for days. */
export function createWorld({ directory, files, seed, now, later }: WorldOptions): World {
  const tree = plant(directory, now);
  const world: World = {
    tree,
    random: randomFrom(seed),
    later,
    agents: [],
    homes: [],
    media: [],
    sessions: [],
    logs: [],
    blobs: [],
    target: files,
    sequence: 0,
  };
  for (const path of ["agents", "credentials", "cron", "cron/runs", "logs", "media"]) createDirectory(tree, path);
  for (let index = 0; index < Math.max(3, files / AGENT_SIZE); index++) addAgent(world, `agents/agent-${index}`);
  for (let index = 0; index < files; index++) addSession(world);
  for (let index = 0; index < 4; index++) addLog(world, `logs/gateway-${index}.log`, 500);
  for (let index = 0; index < 10; index++) addLog(world, `cron/runs/job-${index}.jsonl`, 20);
  for (let index = 0; index < 10; index++) world.blobs.push(addBlob(world, `credentials/service-${index}.json`, 400));
  for (let index = 0; index < 8; index++) world.media.push(addMedia(world, `media/${index}`));

  for (const [index, { path }] of world.sessions.entries()) {
    const seconds = now() / 1000 - (1 + (index % 30)) * DAY;
    if (index % 4 > 0 && path !== undefined) fs.utimesSync(join(directory, path), seconds, seconds);
  }
  return world;
}

export function addSession(world: World, path = newSessionPath(world)): Written {
  const lines = 1 + Math.floor(world.random() * 12);
  const session = written(createFile(world.tree, path, (id) => jsonl(world, id, lines)));
  world.sessions.push(session);
  return session;
}

export function addBlob(world: World, path: string, size: number): Written {
  return written(createFile(world.tree, path, (id) => blob(world, id, size)));
}

export function addMedia(world: World, path: string): Entry {
  const directory = createDirectory(world.tree, path);
  for (let index = 0; index < 5; index++) addBlob(world, `${path}/picture-${index}.bin`, 12_000);
  return directory;
}

/** A whole line with its newline; most are short, some go over several pages. */
export function line(world: World, id: string): Buffer {
  const length = world.random() < 0.05 ? 9_000 : 700;
  return Buffer.from(`${JSON.stringify(content(world, id, Math.floor(world.random() * length)))}\n`);
}

export function jsonl(world: World, id: string, lines: number): Buffer {
  return Buffer.concat(Array.from({ length: lines }, () => line(world, id)));
}

/** One JSON document over many lines, of up to twice a size. */
export function blob(world: World, id: string, size: number): Buffer {
  return Buffer.from(JSON.stringify(content(world, id, Math.floor(world.random() * 2 * size)), undefined, 2));
}

export function pick<T>(world: World, items: readonly T[], skew = 1): T {
  const item = items[Math.floor(world.random() ** skew * items.length)];
  if (item === undefined) throw new Error("nothing to pick from");
  return item;
}

function newSessionPath(world: World): string {
  const digits = Array.from({ length: 32 }, () => Math.floor(world.random() * 16).toString(16)).join("");
  const uuid = digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return `${pathOf(pick(world, world.homes))}/${uuid}.jsonl`;
}

const FILLER = "the gateway said: größer, naïve, 状態は待ってくれない → and went on writing; ".repeat(400);

/** Unique for ever: no two writes are alike, so that bytes tell which file they are of and since when. */
function content(world: World, id: string, length: number): object {
  world.sequence += 1;
  const start = Math.floor(world.random() * 70);
  return { id, sequence: world.sequence, text: FILLER.slice(start, start + length) };
}

function addAgent(world: World, path: string): void {
  world.agents.push(createDirectory(world.tree, path));
  createDirectory(world.tree, `${path}/agent`);
  world.blobs.push(addBlob(world, `${path}/agent/state.json`, 20_000));
  world.homes.push(createDirectory(world.tree, `${path}/sessions`));
  addBlob(world, `${path}/sessions/sessions.json`, 8_000);
}

function addLog(world: World, path: string, lines: number): void {
  world.logs.push(written(createFile(world.tree, path, (id) => jsonl(world, id, lines))));
}

function written(file: FileEntry): Written {
  return Object.assign(file, { busy: false });
}
