import zlib from "node:zlib";
import { header, padded, pax, tar } from "./raw-tar.js";
import {
  directory,
  file,
  hardlink,
  indexOf,
  MANIFEST,
  ROOT,
  SOURCE,
  symlink,
  tarOf,
  type SampleEntry,
} from "./sample-archive.js";

/** An archive that is made to do harm, and what is to become of it. */
export interface Hostile {
  readonly bytes: Buffer;
  /** `refused`: exit code 4 and nothing written. A number: restored with this exit code, and harmlessly. */
  readonly outcome: "refused" | 0 | 3;
}

const FOREIGN = "2026-11-23-openclaw-backup";
const PAYLOAD = `${FOREIGN}/payload/posix`;

const MANIFEST_OF_OPENCLAW = JSON.stringify({
  schemaVersion: 1,
  createdAt: "2026-11-23T10:00:00.000Z",
  archiveRoot: FOREIGN,
  assets: [{ kind: "state", sourcePath: "/srv/state", archivePath: `${PAYLOAD}/srv/state` }],
});

/** An archive as `openclaw backup create` makes them, manifest last, of entries that are given as they are. */
export function foreign(...entries: readonly Buffer[]): Buffer {
  const manifest = stored(`${FOREIGN}/manifest.json`, MANIFEST_OF_OPENCLAW);
  return tar(inState("", { typeflag: "5" }), inState("/good.txt", {}, "good\n"), ...entries, manifest);
}

/** Any name, through PAX where it is long. */
export function stored(name: string, body = "", fields: Parameters<typeof header>[0] = {}): Buffer {
  const long = name.length > 100 || (fields.linkname ?? "").length > 100;
  const names = { path: name, ...(fields.linkname !== undefined && { linkpath: fields.linkname }) };
  return Buffer.concat([
    ...(long ? [pax(names)] : []),
    header({ name: name.slice(0, 100), size: body.length, ...fields }),
    padded(body),
  ]);
}

export function inState(path: string, fields: Parameters<typeof header>[0] = {}, body = ""): Buffer {
  return stored(`${PAYLOAD}/srv/state${path}`, body, fields);
}

/** One of ours, of which everything but its contents is sound. */
async function own(entries: readonly SampleEntry[], indexed: readonly SampleEntry[] = entries): Promise<Buffer> {
  return tarOf(entries, indexOf(indexed.map(({ line }) => line)));
}

const ESCAPE = "\x1b]0;owned\x07\x1b[2J";

/** The corpus, by what each archive tries. `victim` is a directory outside of any target. */
export async function hostileArchives(victim: string): Promise<Record<string, Hostile>> {
  const refused = (bytes: Buffer): Hostile => ({ bytes, outcome: "refused" });
  const link = (path: string, to: string): Buffer => inState(path, { typeflag: "2", linkname: to });
  const hard = (path: string, to: string): Buffer => inState(path, { typeflag: "1", linkname: to });
  const zeros = "0".repeat(1 << 16);
  const bomb = file("bomb", "\0".repeat(16 << 20));
  return {
    "a name with ..": refused(foreign(stored(`${PAYLOAD}/srv/state/../../../../../../evil`, "evil"))),
    "an absolute name": refused(foreign(stored(`${victim}/evil`, "evil"))),
    "a name with .. behind its root": refused(foreign(stored(`${PAYLOAD}/..`, "evil"))),
    "a name with a dot": refused(foreign(inState("/./x", {}, "evil"))),
    "NUL in a name": refused(foreign(pax({ path: `${PAYLOAD}/srv/state/a\0b` }), stored("x", "evil"))),
    "another root": refused(foreign(stored(`elsewhere/payload/posix/srv/state/x`, "evil"))),
    "a file below a symbolic link": refused(foreign(link("/way", victim), inState("/way/evil", {}, "evil"))),
    "a file below a symbolic link that comes later": refused(
      foreign(inState("/way/evil", {}, "evil"), link("/way", victim)),
    ),
    "a directory below a symbolic link": refused(foreign(link("/way", victim), inState("/way/x", { typeflag: "5" }))),
    "a file in place of a symbolic link": refused(foreign(link("/way", `${victim}/evil`), inState("/way", {}, "evil"))),
    "a directory in place of a symbolic link": refused(
      foreign(link("/way", victim), inState("/way", { typeflag: "5" }), inState("/way/evil", {}, "evil")),
    ),
    "a hard link to an absolute path": refused(foreign(hard("/way", `${victim}/secret`))),
    "a hard link with ..": refused(foreign(hard("/way", `${PAYLOAD}/srv/state/../../../../secret`))),
    "a hard link to a symbolic link": refused(
      foreign(link("/a", `${victim}/secret`), hard("/way", `${PAYLOAD}/srv/state/a`)),
    ),
    "a hard link to what comes later": refused(
      foreign(hard("/a", `${PAYLOAD}/srv/state/b`), inState("/b", {}, "later")),
    ),
    "a name twice": refused(foreign(inState("/good.txt", {}, "evil"))),
    "a file below a file": refused(foreign(inState("/good.txt/x", {}, "evil"))),
    "a block device": refused(foreign(inState("/sda", { typeflag: "4" }))),
    "a character device": refused(foreign(inState("/null", { typeflag: "3" }))),
    "a FIFO": { bytes: foreign(inState("/fifo", { typeflag: "6" })), outcome: 3 },
    setuid: { bytes: foreign(inState("/su", { mode: "0006755\0" }, "#!/bin/sh\n")), outcome: 0 },
    "owners that there cannot be": {
      bytes: foreign(
        pax({ uid: String(2 ** 33), gid: String(2 ** 33) }),
        inState("/a", {}, "x"),
        pax({ uid: String(2 ** 32 - 1) }),
        inState("/b", {}, "x"),
      ),
      outcome: 0,
    },
    "symbolic links that lead out": { bytes: foreign(link("/a", victim), link("/b", "../../../..")), outcome: 0 },
    "terminal escapes in names": { bytes: foreign(inState(`/${ESCAPE}`, {}, "x")), outcome: 0 },
    "terminal escapes in a name that is refused": refused(foreign(inState(`/${ESCAPE}/../x`, {}, "x"))),
    "a name that is too long": { bytes: foreign(inState(`/${"n".repeat(300)}`, {}, "x")), outcome: 3 },
    "a very deep path": { bytes: foreign(inState(`/${"p/".repeat(1500)}x`, {}, "x")), outcome: 0 },
    "a path that is deeper than any can be": {
      bytes: foreign(inState("/a", {}, "a"), inState(`/${"p/".repeat(3000)}x`, {}, "x")),
      outcome: 3,
    },
    "a path of a megabyte": refused(foreign(inState(`/${"p/".repeat(400_000)}x`, {}, "x"))),
    "bytes behind its end": refused(Buffer.concat([foreign(), Buffer.from("evil")])),
    "an extended header without end": refused(
      Buffer.concat([header({ name: "x", typeflag: "x", size: 99_999_999 }), Buffer.from(zeros)]),
    ),
    "ours, with a file below a symbolic link": refused(
      await own([directory("."), symlink("way", victim), file("way/evil", "evil")]),
    ),
    "ours, with a file below a file": refused(await own([directory("."), file("a", "x"), file("a/b", "evil")])),
    "ours, with more than its index announces": refused(
      await own([directory("."), bomb], [directory("."), file("bomb", "\0".repeat(64 << 10))]),
    ),
    "ours, expanding 1,000 times, gzip": refused(
      zlib.gzipSync(await own([directory("."), bomb], [directory("."), file("bomb", "small")])),
    ),
    ...("zstdCompressSync" in zlib && {
      "ours, expanding thousands of times, zstd": refused(
        zlib.zstdCompressSync(await own([directory("."), bomb], [directory("."), file("bomb", "small")])),
      ),
    }),
    "ours, with a file that its index does not know": refused(
      await own([directory("."), file("a", "x"), file("b", "evil")], [directory("."), file("a", "x")]),
    ),
    "ours, with another content than its index says": refused(
      await own([directory("."), file("a", "evil")], [directory("."), file("a", "good")]),
    ),
    "ours, with a hard link to nothing": refused(await own([directory("."), hardlink("a", "gone")])),
    "ours, without an index": refused(await tarOf([directory(".")], undefined)),
    "ours, with an index of another": refused(await tarOf([directory(".")], indexOf([], MANIFEST))),
    "ours, with a symbolic link for a root": { bytes: await own([symlink(".", victim)]), outcome: 0 },
  };
}

/** Where the source of our own samples and of the foreign ones lie below a target. */
export const PLACES = { own: SOURCE.slice(1), foreign: "srv/state", root: ROOT } as const;
