import { posix } from "node:path";
import { bytesOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import { isManifest, parseManifest } from "../archive/parse-manifest.js";
import { leniently, readTar, type TarEntry } from "../archive/read.js";
import { findArchive, readTarOf, type ReadNeeds } from "../read-archive.js";
import { looking } from "../profile/discover.js";

/** That the manifest is read, which is the first thing in an archive: there is no need to read on. */
class Found extends Error {}

/** The workspaces that an archive says it has, with the links in their paths resolved as they are today. */
export async function workspacesIn(archive: string, around: ReadNeeds): Promise<Bytes[]> {
  let entry: TarEntry | undefined;
  const parts: Buffer[] = [];
  const visitor = {
    entry: (each: TarEntry) => void (entry = each),
    data: (chunk: Buffer) => void parts.push(Buffer.from(chunk)),
    end() {
      throw new Found();
    },
  };
  try {
    await readTarOf(findArchive(around.fs, archive), around, "read", (tar) => readTar(tar, visitor, leniently));
  } catch (error) {
    if (!(error instanceof Found)) throw error;
  }
  if (entry === undefined || !isManifest(entry))
    throw new HoldstillError("bad-archive", "it does not begin with a manifest");
  return directoriesOf(parseManifest(entry, Buffer.concat(parts)).value, looking(around.fs).canonical);
}

function directoriesOf(manifest: Readonly<Record<string, unknown>>, canonical: (path: string) => string): Bytes[] {
  const { paths } = manifest;
  const listed: unknown =
    typeof paths === "object" && paths !== null && "workspaceDirs" in paths ? paths.workspaceDirs : [];
  const texts = Array.isArray(listed) ? listed.filter((each) => typeof each === "string") : [];
  return texts.filter((each) => posix.isAbsolute(each)).map((each) => bytesOf(canonical(each)));
}
