import { nameOf, parentOf, under, type Bytes } from "../bytes.js";
import { BROKEN, isErrno } from "../errors.js";
import type { Filesystem, Kind, Listed } from "../filesystem.js";
import { IGNORE_FILE, type Excluder } from "../profile/exclude.js";
import { excludedByContent, type Marker } from "../profile/marker.js";
import { STAGE_PREFIX } from "./leftovers.js";
import { readFull } from "./quiet.js";

/** What `guard` keeps in a source that cannot be renamed. */
export const AREA_PREFIX = ".holdstill-guard-";

const MOST_IGNORE_FILE = 1 << 20;
const IGNORE_NAME = IGNORE_FILE as Bytes;

/** What of a source is taken, as it turns out on the way down. Each answer is the rule that leaves a thing out. */
export interface Selection {
  /** Asked when a directory was listed, before its names: looks at what lies in it, and reads its ignore file. */
  readonly ofListed: (path: Bytes, base: Bytes, names: readonly Listed[]) => string | undefined;
  readonly ofName: (path: Bytes, kind: Kind) => string | undefined;
}

export function selection(fs: Filesystem, rules: Excluder, markers: readonly Marker[]): Selection {
  /** The rules below directories that have an ignore file. */
  const ignoreFiles = new Map<Bytes, Excluder>();

  const rulesIn = (directory: Bytes): Excluder => {
    if (ignoreFiles.size === 0) return rules;
    for (let path = directory; ; path = parentOf(path)) {
      const found = ignoreFiles.get(path);
      if (found) return found;
      if (path === ".") return rules;
    }
  };

  return {
    ofListed(path, base, names) {
      // A root was named by whoever wants it: nothing that lies in it leaves it out.
      const asked = path === "." ? [] : markers;
      const rule = excludedByContent(asked, names, (name, length) => head(fs, under(base, name), length));
      if (rule !== undefined) return rule;
      if (names.some(({ name }) => name === IGNORE_NAME)) {
        const text = head(fs, under(base, IGNORE_NAME), MOST_IGNORE_FILE);
        if (text) ignoreFiles.set(path, rulesIn(path).within(path, text.toString("utf8")));
      }
      return undefined;
    },
    ofName(path, kind) {
      if (kind === "directory" && nameOf(path).startsWith(STAGE_PREFIX)) return "holdstill:stage";
      if (kind === "directory" && nameOf(path).startsWith(AREA_PREFIX)) return "holdstill:guard";
      return rulesIn(parentOf(path)).rule(path, kind);
    },
  };
}

/** The first bytes of a file, or undefined where it cannot be read. */
function head(fs: Filesystem, path: Bytes, length: number): Buffer | undefined {
  try {
    const fd = fs.openRead(path);
    try {
      if (fs.fstat(fd).kind !== "file") return undefined;
      const buffer = Buffer.alloc(length);
      return buffer.subarray(0, readFull(fs, fd, buffer, 0));
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    if (isErrno(error, "ENOENT", "EACCES", "EPERM", "ELOOP", "ENXIO", ...BROKEN, "EISDIR", "ESTALE")) return undefined;
    throw error;
  }
}
