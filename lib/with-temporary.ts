import { randomBytes } from "node:crypto";
import { bytesOf, type Bytes } from "./bytes.js";
import { HoldstillError, isNoSpace, isOfDisk } from "./errors.js";
import { removeTree } from "./stage/leftovers.js";
import type { Surroundings } from "./surroundings.js";

type Needs = Pick<Surroundings, "fs" | "env" | "scratch">;

/** A private directory among temporary files. */
export interface Temporary {
  readonly path: Bytes;
  readonly remove: () => void;
}

/** @throws HoldstillError `output-unusable`, `no-space`, that names the directory for temporary files */
export function makeTemporary(what: string, { fs, env, scratch }: Needs): Temporary {
  const path = bytesOf(`${temporaryPlace(env)}/holdstill-${what}-${randomBytes(8).toString("hex")}`);
  try {
    fs.mkdir(path, 0o700);
  } catch (error) {
    throw temporaryFailure(env, error);
  }
  const forget = scratch.add(() => removeTree(fs, path));
  return {
    path,
    remove() {
      removeTree(fs, path);
      forget();
    },
  };
}

/** Gives `use` a private directory among temporary files, which is gone afterwards. */
export async function withTemporary<T>(what: string, needs: Needs, use: (directory: Bytes) => Promise<T>): Promise<T> {
  const { path, remove } = makeTemporary(what, needs);
  try {
    return await use(path);
  } finally {
    remove();
  }
}

/** Where work fails for want of space, that is of temporary files. */
export async function writingTemporary<T>({ env }: Pick<Needs, "env">, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw temporaryFailure(env, error);
  }
}

/** What an error of the disk means that came while nothing was written but temporary files. */
export function temporaryFailure(env: Surroundings["env"], error: unknown): unknown {
  const path = temporaryPlace(env);
  if (isNoSpace(error) || (error instanceof HoldstillError && error.code === "no-space")) {
    return new HoldstillError("no-space", "no space is left for temporary files", {
      ...{ path, cause: error },
      hint: "Free some there, or set TMPDIR to a directory that has room.",
    });
  }
  if (!isOfDisk(error) || error instanceof HoldstillError) return error;
  return new HoldstillError("output-unusable", "the directory for temporary files cannot be used", {
    ...{ path, cause: error },
    hint: "Set TMPDIR to a directory that exists and that you may write.",
  });
}

function temporaryPlace(env: Surroundings["env"]): string {
  return env["TMPDIR"] || "/tmp";
}
