import { closeSync, readSync, utimesSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { disk, type Filesystem } from "../../lib/filesystem.js";
import { capture, copyOpen } from "../../lib/stage/capture.js";
import type { FrozenFile } from "../../lib/stage/entry.js";
import { fingerprinted, inNeedOfFingerprint } from "../../lib/stage/fingerprint.js";
import { guard, type Proof } from "../../lib/stage/guard.js";
import { isAppended } from "../../lib/stage/kinds.js";
import { placeStage, type Stage } from "../../lib/stage/place.js";
import { alone } from "../../lib/stage/stage-parents.js";
import { thisProcess } from "../../lib/vault/owner.js";
import { afterwards } from "../helpers/afterwards.js";
import { fsWith, type Moment } from "../helpers/port.js";
import { tmpTree } from "../helpers/tree.js";

/** When files are frozen, on a clock of its own: what is written to them afterwards is stamped years later. */
export const FROZEN = 1_700_000_000_000;
export const LATER = FROZEN + 10_000;

/** A file in a stage, while the live program goes on with it. */
export interface LiveFile {
  readonly path: string;
  readonly frozen: FrozenFile;
  readonly archived: (how?: Archiving) => Promise<Archived>;
}

export interface Archiving {
  readonly fs?: Filesystem;
  /** On the clock of the freeze. */
  readonly now?: number;
  readonly coarseClock?: boolean;
  readonly copyFirst?: boolean;
  /** Happens between the header and the body. */
  readonly midway?: () => void;
}

/** What goes into the archive, and whether the proof held to the end. */
export interface Archived extends Proof {
  readonly text: string;
  readonly held: boolean;
}

export interface Freezing {
  readonly name?: string;
  readonly text: string;
  /** How long before the freeze it was modified. */
  readonly ageMs?: number;
  readonly method?: "link" | "copy";
  readonly fingerprints?: boolean;
  /** The disk on which the file at that path is taken. */
  readonly fsFor?: (path: string) => Filesystem;
}

/** Takes a file into a stage, as the freeze does it. */
export async function freezeFile(given: Freezing): Promise<LiveFile> {
  const { name = "x.jsonl", text, ageMs = 5_000, method = "link", fsFor = () => disk, fingerprints = true } = given;
  const path = join(tmpTree({ [name]: text }), name);
  utimesSync(path, (FROZEN - ageMs) / 1000, (FROZEN - ageMs) / 1000);
  const stage = placeStage(disk, alone(bytesOf(dirname(path)), bytesOf(join(dirname(path), "cache"))), thisProcess());
  afterwards(() => stage.remove());
  const taken = await take(fsFor(path), stage, method, path, name);
  const frozen = fingerprints ? fingerprintedIn(stage, taken) : taken;
  return { path, frozen, archived: (how = {}) => archive(stage, frozen, how) };
}

async function take(
  fs: Filesystem,
  stage: Stage,
  method: "link" | "copy",
  path: string,
  name: string,
): Promise<FrozenFile> {
  const now = (): number => FROZEN;
  const taken = capture(fs, stage, method, bytesOf(path), now);
  const quiet = { now, pause: async () => {}, appended: isAppended(bytesOf(name)), coarseClock: stage.coarseClock };
  const captured = taken.status === "copy" ? await copyOpen(fs, stage, taken.fd, quiet) : taken;
  if (captured.status !== "captured") throw new Error(`not captured: ${captured.status}`);
  const { stat, staged, at, verdict } = captured;
  return {
    ...{ ...stat, type: "file", source: 0, path: bytesOf(name), method, staged, at },
    ...(verdict && { verdict }),
  };
}

function fingerprintedIn({ coarseClock }: Stage, file: FrozenFile): FrozenFile {
  const [needs] = inNeedOfFingerprint([file], () => coarseClock);
  return (needs && fingerprinted(disk, file, () => FROZEN)) ?? file;
}

async function archive(stage: Stage, file: FrozenFile, how: Archiving): Promise<Archived> {
  const { fs = disk, now = LATER, coarseClock = false, copyFirst = false, midway } = how;
  const quiet = { now: () => now, pause: async () => {} };
  const body = await guard(fs, file, { stage: { ...stage, coarseClock }, copyFirst, quiet });
  if (body.status === "unreadable") throw new Error(`unreadable: ${body.detail}`);
  midway?.();
  const { proof } = body;
  if (body.status === "bytes") return { ...proof, text: body.bytes.toString("latin1"), held: true };
  const bytes = Buffer.alloc(proof.size);
  const length = readSync(body.fd, bytes, 0, proof.size, 0);
  const held = body.stillTrue();
  closeSync(body.fd);
  return { ...proof, text: bytes.toString("latin1", 0, length), held };
}

/** Compares texts of megabytes; a failure shows their ends. */
export function expectText({ text }: { readonly text: string }, expected: string): void {
  const shown = (of: string): string => `${of.length} bytes from ${of.slice(0, 20)} to ${of.slice(-20)}`;
  expect(text === expected, `${shown(text)} instead of ${shown(expected)}`).to.equal(true);
}

/** A disk on which something happens before every reading. */
export function beforeEachReading(act: (round: number) => void): Filesystem {
  let round = 0;
  return fsWith({
    readAsync: (fd, buffer, offset, length, position) => {
      if (position === 0) act(++round);
      return disk.readAsync(fd, buffer, offset, length, position);
    },
  });
}

/** A disk that gives one reading some bytes of another moment, with nothing to be seen in `fstat`. */
export function tornOnce(): Moment & { readonly fs: Filesystem } {
  let torn = false;
  const readAsync: Filesystem["readAsync"] = async (fd, buffer, offset, length, position) => {
    const count = await disk.readAsync(fd, buffer, offset, length, position);
    if (!torn) buffer.set(Buffer.from("torn"));
    torn = true;
    return count;
  };
  return { fs: fsWith({ readAsync }), came: () => torn };
}
