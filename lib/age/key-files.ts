import { posix } from "node:path";
import { bytesOf, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno, type ErrorCode } from "../errors.js";
import type { Filesystem } from "../filesystem.js";
import { unlessHidden } from "../guard/proc.js";
import type { Surroundings } from "../surroundings.js";
import { isAge, isArmored } from "./sealed.js";

/** No list of keys is longer, in bytes. */
const LARGEST = 1 << 20;

const X25519 = /^age1[02-9ac-hj-np-z]{58}$/;
const SECRET = /AGE-SECRET-KEY-/i;
const IDENTITY = /^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/;

type Needs = Pick<Surroundings, "fs" | "cwd">;

/** What a file is read for, and so what it means that it cannot be. */
interface Purpose {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
}

const RECIPIENTS: Purpose = { code: "usage", hint: "Give a recipient (age1…), or a file that is there." };
const IDENTITIES: Purpose = { code: "wrong-key", hint: undefined };
const PASSPHRASE: Purpose = { code: "usage", hint: "Give a file whose first line is the passphrase." };

/**
 * The recipients that are given: each is one, or a file of them, one a line. What is wrong is never repeated: it may be
 * a secret.
 * @throws HoldstillError `usage`
 */
export function readRecipients(given: readonly string[], around: Needs): string[] {
  const found = given.flatMap((value) => {
    const problem = problemOf(value);
    if (problem === undefined) return [value];
    if (problem.isSurelyNoFile) throw refused(problem.message);
    return recipientsIn(posix.resolve(around.cwd, value), around);
  });
  return [...new Set(found)];
}

interface Misfit {
  readonly message: string;
  readonly isSurelyNoFile: boolean;
}

/** Why something is no recipient; undefined for one that is. */
function problemOf(value: string): Misfit | undefined {
  if (SECRET.test(value)) {
    return {
      message: "this is a secret key (an identity), and backups are encrypted to public keys",
      isSurelyNoFile: true,
    };
  }
  if (X25519.test(value)) return undefined;
  if (/^age1[a-z0-9]+1/.test(value)) {
    return {
      message: "recipients of plugins are not supported, only those that begin with age1",
      isSurelyNoFile: true,
    };
  }
  if (/^age1[a-z0-9]{40,}$/i.test(value)) return { message: "a recipient is misspelt", isSurelyNoFile: true };
  if (/^(ssh-|ecdsa-|sk-)/.test(value))
    return { message: "SSH keys are not supported as recipients", isSurelyNoFile: true };
  return { message: "this is no recipient", isSurelyNoFile: false };
}

function recipientsIn(path: string, around: Needs): string[] {
  const lines = linesOf(path, around, RECIPIENTS);
  for (const { number, line } of lines) {
    const problem = problemOf(line);
    if (problem !== undefined) throw refused(`${problem.message} (line ${number})`, path);
  }
  if (lines.length === 0) throw refused("there is no recipient in this file", path);
  return lines.map(({ line }) => line);
}

function refused(message: string, path?: string): HoldstillError {
  return new HoldstillError("usage", message, {
    path,
    hint: "Give a recipient (age1…), or a file of them, one a line. `holdstill key generate` makes a pair of keys.",
  });
}

/**
 * The identities in key files.
 * @throws HoldstillError `wrong-key`
 */
export function readIdentities(paths: readonly string[], around: Needs): string[] {
  return paths.flatMap((given) => {
    const path = posix.resolve(around.cwd, given);
    const lines = linesOf(path, around, IDENTITIES);
    const wrong = lines.find(({ line }) => !IDENTITY.test(line));
    if (wrong !== undefined || lines.length === 0) {
      const what = wrong === undefined ? "there is no identity in this file" : `no identity on line ${wrong.number}`;
      throw new HoldstillError("wrong-key", what, {
        path,
        hint: "An identity is a line that begins with AGE-SECRET-KEY-1. SSH keys and plugins are not supported.",
      });
    }
    return lines.map(({ line }) => line);
  });
}

/** Whether a key file, which can be read, can be read by others too. */
export function isExposed(given: string, { fs, cwd }: Needs): boolean {
  const path = posix.resolve(cwd, given);
  const pipe = pipeOf(fs, path);
  const { kind, mode } = pipe === undefined ? fs.lstat(fs.realpath(bytesOf(path))) : fs.fstat(pipe);
  return kind === "file" && (mode & 0o044) !== 0;
}

/**
 * The first line of a file.
 * @throws HoldstillError `usage`
 */
export function readPassphrase(given: string, around: Needs): string {
  const path = posix.resolve(around.cwd, given);
  const [line = ""] = textOf(path, around, PASSPHRASE).split("\n");
  const passphrase = line.replace(/\r$/, "");
  if (passphrase === "") throw new HoldstillError("usage", "the passphrase is empty", { path });
  return passphrase;
}

/** The lines that say something. */
function linesOf(path: string, around: Needs, purpose: Purpose) {
  return textOf(path, around, purpose)
    .split("\n")
    .map((line, at) => ({ number: at + 1, line: line.trim() }))
    .filter(({ line }) => line !== "" && !line.startsWith("#"));
}

function textOf(path: string, around: Needs, purpose: Purpose): string {
  const bytes = contentOf(path, around, purpose);
  if (!isAge(bytes) && !isArmored(bytes)) return bytes.toString("utf8");
  throw new HoldstillError(purpose.code, "this file is itself encrypted: decrypt it with age first", { path });
}

const MISSING = ["ENOENT", "ENOTDIR", "EBADF"] as const;
const REFUSED = ["EACCES", "EPERM", "EISDIR", "ELOOP", "ENAMETOOLONG", "ENXIO", "EAGAIN"] as const;

function contentOf(path: string, { fs }: Needs, { code, hint }: Purpose): Buffer {
  try {
    const pipe = pipeOf(fs, path);
    if (pipe !== undefined) return readUpTo(fs, pipe, path, code);
    // A key may well be a link, or what a service manager hands over.
    const fd = fs.openRead(fs.realpath(bytesOf(path)));
    try {
      return readUpTo(fs, fd, path, code);
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    if (!isErrno(error, ...MISSING, ...REFUSED)) throw error;
    const what = isErrno(error, ...MISSING) ? "there is no such file" : "the file cannot be read";
    throw new HoldstillError(code, what, { path, hint, cause: error });
  }
}

/** What a shell hands over of another program's output: `/dev/stdin`, or `/dev/fd/63` of `<(…)`. It is open already. */
function pipeOf(fs: Filesystem, path: string): number | undefined {
  const name = path === "/dev/stdin" ? "/dev/fd/0" : path;
  const [, number] = /^(?:\/dev|\/proc\/self)\/fd\/(\d+)$/.exec(name) ?? [];
  const what = unlessHidden(() => fs.readlink(`/proc/self/fd/${number}` as Bytes));
  return what?.startsWith("pipe:") ? Number(number) : undefined;
}

function readUpTo(fs: Needs["fs"], fd: number, path: string, code: ErrorCode): Buffer {
  const buffer = Buffer.alloc(LARGEST);
  for (let length = 0; length < LARGEST;) {
    const read = fs.read(fd, buffer, length, LARGEST - length, -1);
    if (read === 0) return buffer.subarray(0, length);
    length += read;
  }
  throw new HoldstillError(code, "this file is too large to be one of keys", { path });
}
