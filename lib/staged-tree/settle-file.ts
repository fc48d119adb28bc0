import { createHash, hash } from "node:crypto";
import { bodyOf, ChangedWhileStreaming, UnreadableWhileStreaming } from "../archive/body.js";
import type { OpenBody } from "../archive/pack.js";
import { giveBuffer } from "../buffer-pool.js";
import type { Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import type { FrozenFile } from "../stage/entry.js";
import { isHot, type Body, type Proof } from "../stage/guard.js";
import type { Stage } from "../stage/place.js";
import { intoStage, storeBytes, storeCopy } from "../stage/private-copy.js";
import { giveAttributes } from "./attributes.js";

export interface SettleOptions {
  readonly fs: Filesystem;
  readonly stage: Stage;
  /** Opens the file once more, by way of a private copy. */
  readonly reopen: () => Promise<Body>;
  /** Whether the staged copy stands for another entry too. */
  readonly shared: boolean;
}

/** A file with its final bytes at a path in the stage, which is to be renamed to where it belongs. */
export interface SettledFile {
  readonly status: "settled";
  readonly path: Bytes;
  readonly proof: Proof;
  readonly sha256: string;
  /** Whether it is still a hard link to the live file. */
  readonly linked: boolean;
}

export type Unsettled = Extract<Body, { status: "unreadable" }>;

/**
 * Gives a frozen file its final bytes. A hard link stays one where the file has rested for a while and nothing is to be
 * cut off; nothing is ever written through it.
 */
export async function settleFile(
  options: SettleOptions,
  file: FrozenFile,
  body: OpenBody,
): Promise<SettledFile | Unsettled> {
  try {
    return await settled(options, file, body);
  } catch (error) {
    if (error instanceof UnreadableWhileStreaming) return { status: "unreadable", detail: error.detail };
    if (!(error instanceof ChangedWhileStreaming)) throw error;
  }
  const again = await options.reopen();
  return again.status === "unreadable" ? again : settled(options, file, again);
}

async function settled(options: SettleOptions, file: FrozenFile, body: OpenBody): Promise<SettledFile> {
  const { fs, stage } = options;
  const linked = staysLinked(file, body);
  const { path, sha256 } =
    body.status === "bytes"
      ? { path: inPlace(options, file, linked) ?? storeBytes(fs, stage, body.bytes), sha256: sha256Of(body.bytes) }
      : await settledStream(options, file, body, linked);
  if (body.status === "bytes") giveBuffer(body.bytes);
  const proof = { ...body.proof, mtimeNs: mtimeOf(file, body.proof) };
  if (!linked) {
    // A copy that was made while the file grew holds more than counts.
    if (fs.lstat(path).size > proof.size) intoStage(stage, () => fs.truncate(path, proof.size));
    giveAttributes(fs, path, { ...file, mtimeNs: proof.mtimeNs });
  }
  return { status: "settled", path, proof, sha256, linked };
}

async function settledStream(
  options: SettleOptions,
  file: FrozenFile,
  body: Extract<OpenBody, { status: "stream" }>,
  linked: boolean,
): Promise<{ readonly path: Bytes; readonly sha256: string }> {
  const { fs, stage } = options;
  const { fd, copy, stillTrue, proof } = body;
  const path = inPlace(options, file, linked) ?? copy;
  try {
    if (path === undefined && file.method === "link") throw new ChangedWhileStreaming(file);
    const digest = createHash("sha256");
    for await (const chunk of bodyOf(fs, file, { fd, size: proof.size, stillTrue }, digest)) giveBuffer(chunk);
    return { path: path ?? (await storeCopy(fs, stage, fd, proof.size)), sha256: digest.digest("hex") };
  } finally {
    fs.close(fd);
  }
}

/** A file that has rested is not likely to be written to before the command has read it; whether it was is seen later. */
function staysLinked(file: FrozenFile, body: OpenBody): boolean {
  if (file.method !== "link" || isHot(file)) return false;
  return body.proof.verdict === "exact" && body.proof.cut === 0 && !("copy" in body);
}

/** What is in the stage, where that can be taken as it is. */
function inPlace({ shared }: SettleOptions, file: FrozenFile, linked: boolean): Bytes | undefined {
  return linked || (file.method !== "link" && !shared) ? file.staged : undefined;
}

/**
 * The mtime of a database says nothing of what was committed to its log: an engine that compares mtimes would keep what
 * it has. So its copy is as old as it is.
 */
function mtimeOf({ method, at }: FrozenFile, { mtimeNs }: Proof): bigint {
  return method === "database" ? BigInt(Math.round(at * 1000)) * 1000n : mtimeNs;
}

function sha256Of(bytes: Buffer): string {
  return hash("sha256", bytes, "hex");
}
