import { bytesOf, exactTextOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { Actions, Journal, Move, Phase, Place } from "./journal.js";
import { PHASES } from "./journal.js";

/** A path as JSON can hold it: text, or the base64 of bytes that are not UTF-8. */
type PathJson = string | { readonly base64: string };

const SCHEMA = 1;

/** A journal as it is stored. */
export function printJournal(journal: Journal): string {
  const places = journal.places.map((place) => ({
    ...place,
    ...{ within: printPath(place.within), live: printPath(place.live) },
    ...{ fresh: printPath(place.fresh), failed: printPath(place.failed) },
    ...{ pinned: place.pinned.map(printPath), omitted: place.omitted.map(printPath) },
  }));
  const moves = journal.moves.map((each) => {
    const ends = { kind: each.kind, from: printPath(each.from), to: printPath(each.to) };
    return each.kind === "in" ? { ...ends, aside: printPath(each.aside) } : ends;
  });
  const roots = journal.roots.map(printPath);
  const links = journal.links.map(({ path, target }) => ({ path: printPath(path), target: printPath(target) }));
  const mounts = journal.mounts.map((each) => ({
    ...{ point: printPath(each.point), device: each.device, path: printPath(each.path) },
  }));
  return `${JSON.stringify({ schema: SCHEMA, ...journal, roots, links, places, mounts, moves }, undefined, 1)}\n`;
}

/** @throws HoldstillError `io` for anything that holdstill has not written */
export function parseJournal(text: string, path: string): Journal {
  try {
    return journalOf(record(JSON.parse(text)));
  } catch (error) {
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
    throw new HoldstillError("io", `this journal of a guarded command cannot be read: ${error.message}`, {
      path,
      hint: "What it was about is beside the state, under names with .failed- and .restored-; look at it before you remove it.",
      cause: error,
    });
  }
}

function journalOf(value: Record<string, unknown>): Journal {
  if (value["schema"] !== SCHEMA) throw new TypeError("its schema is not known");
  const { kind } = value;
  if (kind !== "guard" && kind !== "rollback") throw new TypeError("its kind is not known");
  return {
    ...{ id: text(value["id"]), kind, phase: phase(value["phase"]), mark: text(value["mark"] ?? value["id"]) },
    ...{ archive: text(value["archive"]), profile: text(value["profile"]) },
    ...{ command: list(value["command"]).map(text), version: optional(value["version"]) },
    actions: actions(record(value["actions"])),
    ...{
      probeMs: count(value["probeMs"]),
      probeEveryMs: count(value["probeEveryMs"]),
      graceMs: count(value["graceMs"]),
    },
    rollbackIsProposed: flag(value["rollbackIsProposed"]),
    includeWorkspace: flag(value["includeWorkspace"]),
    roots: list(value["roots"]).map(bytes),
    links: list(value["links"])
      .map(record)
      .map(({ path, target }) => ({ path: bytes(path), target: bytes(target) })),
    places: list(value["places"]).map((each) => place(record(each))),
    mounts: list(value["mounts"] ?? [])
      .map(record)
      .map(({ point, device, path }) => ({ point: bytes(point), device: text(device), path: bytes(path) })),
    moves: list(value["moves"]).map((each) => move(record(each))),
  };
}

function actions({ stop, start, probe, rollback }: Record<string, unknown>): Actions {
  return { stop: optional(stop), start: optional(start), probe: optional(probe), rollback: optional(rollback) };
}

function place(value: Record<string, unknown>): Place {
  const { type, how } = value;
  if (type !== "directory" && type !== "file") throw new TypeError("a place is neither directory nor file");
  if (how !== "rename" && how !== "contents") throw new TypeError("a place is exchanged in an unknown way");
  return {
    ...{ source: count(value["source"]), type, how, prepared: flag(value["prepared"]) },
    ...{ within: bytes(value["within"]), live: bytes(value["live"]) },
    ...{ fresh: bytes(value["fresh"]), failed: bytes(value["failed"]) },
    ...{ pinned: list(value["pinned"]).map(bytes), omitted: list(value["omitted"]).map(bytes) },
  };
}

function move({ kind, from, to, aside }: Record<string, unknown>): Move {
  if (kind === "in") return { kind, from: bytes(from), to: bytes(to), aside: bytes(aside) };
  if (kind !== "aside" && kind !== "carry") throw new TypeError("a move is of an unknown kind");
  return { kind, from: bytes(from), to: bytes(to) };
}

function phase(value: unknown): Phase {
  const name = text(value) as Phase;
  if (!Object.hasOwn(PHASES, name)) throw new TypeError("its phase is not known");
  return name;
}

function printPath(path: Bytes): PathJson {
  return exactTextOf(path) ?? { base64: Buffer.from(path, "latin1").toString("base64") };
}

function bytes(value: unknown): Bytes {
  if (typeof value === "string") return bytesOf(value);
  return Buffer.from(text(record(value)["base64"]), "base64").toString("latin1") as Bytes;
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new TypeError("something in it is no object");
}

function list(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError("something in it is no list");
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError("something in it is no text");
}

function optional(value: unknown): string | undefined {
  return value === undefined ? undefined : text(value);
}

function count(value: unknown): number {
  if (typeof value === "number" && value >= 0) return value;
  throw new TypeError("something in it is no number");
}

function flag(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError("something in it is neither true nor false");
}
