import { hash } from "node:crypto";
import { expect } from "chai";
import type { TarEntry } from "../../lib/archive/read.js";
import type { Bytes } from "../../lib/bytes.js";
import { treeReader, type ExpectedEntry } from "../../lib/restic/tree-reader.js";

function entry(type: TarEntry["type"], name: string, details: Partial<TarEntry> = {}): TarEntry {
  const owned = { mode: 0o600, uid: 0, gid: 0, mtimeNs: 0n, typeflag: "0" };
  return { type, name: name as Bytes, linkname: "" as Bytes, size: 0, ...owned, ...details };
}

const INDEX: readonly (readonly [string, ExpectedEntry])[] = [
  [".", { entry: entry("directory", "/root"), sha256: "" }],
  ["a", { entry: entry("file", "/root/a", { size: 3, mode: 0o640 }), sha256: hash("sha256", "abc", "hex") }],
  ["h", { entry: entry("hardlink", "/root/h", { linkname: "/root/a" as Bytes }), sha256: "" }],
  ["l", { entry: entry("symlink", "/root/l", { linkname: "a" as Bytes }), sha256: "" }],
];

/** Gives a tar, as a list of entries and bodies, to a reader; returns what the visitor saw. */
async function read(found: readonly (readonly [TarEntry, string])[]): Promise<string[]> {
  const seen: string[] = [];
  const reader = treeReader(new Map(INDEX.map(([path, expected]) => [path as Bytes, expected])), {
    entry: ({ type, name, mode }) => void seen.push(`${type} ${name} ${mode.toString(8)}`),
    data: (chunk) => void seen.push(String(chunk)),
    end: () => {},
  });
  await reader.begin();
  for (const [each, body] of found) {
    await reader.entry(each);
    if (body !== "") await reader.data(Buffer.from(body));
    await reader.end();
  }
  await reader.finish();
  return seen;
}

const A = [entry("file", "a", { size: 3 }), "abc"] as const;
const H = [entry("file", "h", { size: 3 }), "abc"] as const;
const L = [entry("symlink", "l", { linkname: "a" as Bytes }), ""] as const;

async function fault(found: readonly (readonly [TarEntry, string])[]): Promise<string> {
  return read(found).then(
    () => "none",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

describe("the trees of a snapshot", () => {
  it("are shown as the index has them: directories first, hard links last", async () => {
    expect(await read([H, A, L])).to.deep.equal([
      ...["directory /root 600", "symlink /root/l 600", "file /root/a 640", "abc", "hardlink /root/h 600"],
    ]);
  });

  it("may have directories that lead to a source", async () => {
    expect(await fault([[entry("directory", "above"), ""], A, H, L])).to.equal("none");
  });

  it("have to be what the index says, both ways", async () => {
    expect(await fault([A, H])).to.equal("missing from the snapshot: /root/l");
    expect(await fault([A, H, L, [entry("file", "x"), ""]])).to.equal("not in the index: x");
    expect(await fault([A, A])).to.equal("twice in the snapshot: a");
    expect(await fault([[entry("file", "a", { size: 3 }), "abd"]])).to.equal("sha256 of /root/a differs");
    expect(await fault([[entry("file", "a", { size: 2 }), "ab"]])).to.equal("size of a differs");
    expect(await fault([[entry("symlink", "a"), ""]])).to.equal("type of a differs");
    expect(await fault([[entry("symlink", "l", { linkname: "b" as Bytes }), ""]])).to.equal("link target of l differs");
  });
});
