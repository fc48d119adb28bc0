import type { StoredLine } from "../archive/index.js";
import { digester } from "../archive/digest.js";
import type { TarEntry, TarVisitor } from "../archive/read.js";
import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";

/** What has to be at a path of a tree. */
export interface ExpectedEntry {
  /** As an archive would have it. */
  readonly entry: TarEntry;
  readonly sha256: string;
}

export interface TreeReader extends Required<TarVisitor> {
  /** Shows what has no content: directories and symbolic links. */
  readonly begin: () => Promise<void>;
  /** Shows hard links, when all files were shown. */
  readonly finish: () => Promise<void>;
}

export function expectedOf(line: StoredLine, entry: TarEntry): ExpectedEntry {
  return { entry, sha256: line.type === "file" ? line.sha256 : "" };
}

/**
 * Compares the trees of a snapshot, as restic gives them, with the index that lies beside them, both ways, and shows
 * `visitor` what is in them with the attributes that the index has. restic has no hard links in its tars: each is a file.
 * @param expected by path in the tree
 * @throws HoldstillError `bad-archive` that names the first difference
 */
export function treeReader(expected: ReadonlyMap<Bytes, ExpectedEntry>, visitor: Required<TarVisitor>): TreeReader {
  const seen = new Set<Bytes>();
  const body = digester();
  let current: ExpectedEntry | undefined;

  const show = async (isMeant: (type: TarEntry["type"]) => boolean): Promise<void> => {
    for (const { entry } of expected.values()) {
      if (!isMeant(entry.type)) continue;
      await visitor.entry(entry);
      await visitor.end();
    }
  };

  return {
    begin: () => show((type) => type === "directory" || type === "symlink"),
    entry(found) {
      current = undefined;
      const { name } = found;
      const meant = expected.get(name);
      if (meant === undefined) {
        // Those that lead to a source are none of its own.
        if (found.type === "directory") return undefined;
        throw bad(`not in the index: ${textOf(name)}`);
      }
      const { entry } = meant;
      if (seen.has(name)) throw bad(`twice in the snapshot: ${textOf(name)}`);
      seen.add(name);
      if (found.type !== (entry.type === "hardlink" ? "file" : entry.type)) throw differs("type", name);
      if (entry.type === "symlink" && found.linkname !== entry.linkname) throw differs("link target", name);
      if (entry.type !== "file") return undefined;
      if (found.size !== entry.size) throw differs("size", name);
      current = meant;
      body.begin(entry.size);
      return visitor.entry(entry);
    },
    data(chunk) {
      if (current === undefined) return undefined;
      body.update(chunk);
      return visitor.data(chunk);
    },
    end() {
      if (current === undefined) return undefined;
      const { sha256, entry } = current;
      if (body.end().toString("hex") !== sha256) throw differs("sha256", entry.name);
      return visitor.end();
    },
    async finish() {
      for (const [path, { entry }] of expected) {
        if (path !== "." && !seen.has(path)) throw bad(`missing from the snapshot: ${textOf(entry.name)}`);
      }
      await show((type) => type === "hardlink");
    },
  };
}

function differs(what: string, name: Bytes): HoldstillError {
  return bad(`${what} of ${textOf(name)} differs`);
}

function bad(what: string): HoldstillError {
  return new HoldstillError("bad-archive", what);
}
