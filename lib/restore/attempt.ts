import { namedPath, type NamedPath } from "../archive/index.js";
import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError, isErrno, isNoSpace } from "../errors.js";

/** Something that is not as it is in the archive, and what the system said. */
export type FailedPath = {
  /** Below the target. */
  readonly path: string;
  readonly reason: string;
} & Partial<NamedPath>;

/** What a filesystem refuses of one name, and of no other. */
const REFUSALS = [
  ...["EEXIST", "ENAMETOOLONG", "EPERM", "EACCES", "EINVAL", "EILSEQ", "ENOTDIR", "EISDIR", "ELOOP", "EMLINK"],
  ...["EFBIG", "EOVERFLOW", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "ENOENT", "EXDEV"],
] as const;

/** Carries out what may be refused for one entry. */
export interface Attempts {
  readonly failed: readonly FailedPath[];
  /** @returns whether it was done */
  readonly attempt: (path: Bytes, act: () => void) => boolean;
  readonly refuse: (path: Bytes, reason: string) => void;
  /** Notes a refusal, and throws what is none. */
  readonly note: (path: Bytes, error: unknown) => void;
}

export function attempts(target: Bytes): Attempts {
  const failed: FailedPath[] = [];
  const refuse = (path: Bytes, reason: string): void => {
    failed.push({ path: textOf(path), ...namedPath(path), reason });
  };
  const note = (path: Bytes, error: unknown): void => {
    if (isErrno(error, ...REFUSALS)) refuse(path, error.code ?? error.message);
    else throw explained(target, path, error);
  };
  return {
    ...{ failed, refuse, note },
    attempt(path, act) {
      try {
        act();
        return true;
      } catch (error) {
        note(path, error);
        return false;
      }
    },
  };
}

function explained(target: Bytes, path: Bytes, error: unknown): unknown {
  if (isNoSpace(error)) {
    return new HoldstillError("no-space", "no space is left for what is restored", {
      path: textOf(target),
      hint: "Free some space, name a target elsewhere, or take less with --include.",
      cause: error,
    });
  }
  if (!isErrno(error, "EIO", "EROFS", "ESTALE")) return error;
  return new HoldstillError("io", `${textOf(path)} cannot be written (${error.code ?? ""})`, {
    path: textOf(target),
    hint: "See to the disk of the target.",
    cause: error,
  });
}
