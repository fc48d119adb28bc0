import { bytesOf, textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { ArchivedSource, Inspector } from "./check.js";
import { payloadRoot } from "./index.js";
import { nameList } from "./name-list.js";
import { nameTable } from "./name-table.js";
import { checkedSize, isManifest, parseManifest, type Manifest } from "./parse-manifest.js";
import type { TarEntry } from "./read.js";

const UNCHECKED = [
  "There are no digests in this archive: the contents of its files could not be compared.",
  "There is no list of its entries: what is missing inside an asset could not be seen.",
];

const UNSAFE = /(?:^|\/)\.{0,2}(?:\/|$)|\0/;

/**
 * For an archive that `openclaw backup create` made: it has no index, so that only its structure can be checked.
 * @param first its manifest, if that is its first entry
 */
export function checkForeign(root: string, first?: Manifest): Inspector {
  const below = bytesOf(`${root}/`);
  const names = nameTable();
  const inOrder = nameList();
  const links: { readonly name: Bytes; readonly target: Bytes }[] = [];
  const counts = { files: 0, directories: 0, symlinks: 0, hardlinks: 0, databases: 0, bytes: 0 };
  let manifest = first;
  let manifestEntry: TarEntry | undefined;
  let parts: Buffer[] = [];

  const take = (name: Bytes): void => {
    if (names.set(name, 1) !== 0) throw bad(`twice in the archive: ${textOf(name)}`);
    inOrder.add(name);
  };
  if (first) take(first.entry.name);

  const count = ({ type, size }: TarEntry): void => {
    if (type === "directory") counts.directories++;
    else if (type === "symlink") counts.symlinks++;
    else if (type === "hardlink") counts.hardlinks++;
    else if (type === "file") {
      counts.files++;
      counts.bytes += size;
    }
  };

  return {
    entry(entry) {
      const { name, type, linkname } = entry;
      if (UNSAFE.test(name)) throw bad(`an unsafe name: ${textOf(name)}`);
      if (`${name}/` !== below && !name.startsWith(below)) throw bad(`not below ${root}: ${textOf(name)}`);
      if (name === `${below}holdstill/index.jsonl`) throw bad("it has holdstill's index, but another manifest");
      take(name);
      manifestEntry = isManifest(entry) ? checkedSize(entry) : undefined;
      if (manifestEntry) return;
      if (type === "hardlink") links.push({ name, target: linkname });
      count(entry);
    },
    data(chunk) {
      if (manifestEntry) parts.push(Buffer.from(chunk));
    },
    end() {
      if (!manifestEntry) return;
      manifest = parseManifest(manifestEntry, Buffer.concat(parts));
      if ("holdstill" in manifest.value) throw bad("holdstill's manifest is not its first entry");
      manifestEntry = undefined;
      parts = [];
    },
    finish() {
      if (!manifest) throw noManifest(root);
      for (const { name, target } of links) {
        if (names.get(target) === 0) throw bad(`what ${textOf(name)} is a hard link to is missing: ${textOf(target)}`);
      }
      const assets = assetsOf(manifest);
      for (const { path } of assets) {
        if (!hasBelow(inOrder, path)) throw bad(`an asset is missing from the archive: ${path}`);
      }
      return { counts, unchecked: UNCHECKED, manifest, root, sources: assets.flatMap(sourceOf(root)) };
    },
  };
}

function noManifest(root: string): HoldstillError {
  return new HoldstillError("bad-archive", `the archive has no manifest: it begins with ${root}`, {
    hint: "Only archives made by holdstill or by `openclaw backup create` can be verified.",
  });
}

function hasBelow(names: Iterable<Bytes>, asset: string): boolean {
  for (const name of names) {
    const text = textOf(name);
    if (text === asset || text.startsWith(`${asset}/`)) return true;
  }
  return false;
}

interface Asset {
  /** In the archive. */
  readonly path: string;
  readonly kind: string;
}

function assetsOf({ value, root }: Manifest): Asset[] {
  if (!Array.isArray(value.assets)) throw bad("the manifest lists no assets");
  return value.assets.map((asset: unknown) => {
    const { archivePath: path, kind } = fieldsOf(asset);
    if (typeof path !== "string") throw bad("an asset of the manifest has no path");
    if (!path.startsWith(`${root}/payload/`)) throw bad(`an asset lies outside the payload: ${path}`);
    return { path: path.replace(/\/+$/, ""), kind: typeof kind === "string" ? kind : "workspace" };
  });
}

function fieldsOf(asset: unknown): Partial<Record<"archivePath" | "kind", unknown>> {
  return typeof asset === "object" && asset !== null ? asset : {};
}

/** Where an asset was on its machine, if that had POSIX paths. */
function sourceOf(root: string): (asset: Asset) => ArchivedSource[] {
  const payload = payloadRoot(root);
  return ({ path, kind }) => {
    const name = bytesOf(path);
    if (name === payload) return [{ path: "/" as Bytes, kind }];
    return name.startsWith(`${payload}/`) ? [{ path: name.slice(payload.length) as Bytes, kind }] : [];
  };
}

function bad(what: string): HoldstillError {
  return new HoldstillError("bad-archive", what);
}
