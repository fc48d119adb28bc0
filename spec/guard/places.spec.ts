import { expect } from "chai";
import { HoldstillError } from "../../lib/errors.js";
import type { Mount } from "../../lib/guard/mounts.js";
import { placesOf, type Returning, type Surface } from "../../lib/guard/places.js";
import { bytes } from "./sample.js";

function mount(point: string, readOnly = false): Mount {
  return { device: "0:1", root: bytes("/"), point: bytes(point), readOnly, type: "ext4" };
}

const ROOT = mount("/");

function surface(...mounts: readonly Mount[]): Surface {
  return { mounts: [ROOT, ...mounts], isParentWritable: () => true };
}

function source(path: string, replaced: Partial<Returning> = {}): Returning {
  return { source: 0, path: bytes(path), type: "directory", omitted: [], kindAt: () => undefined, ...replaced };
}

/** What matters of places, in short. */
function told(sources: readonly Returning[], over: Surface): string[] {
  return placesOf(sources, over, "1").map(({ live, how, fresh, failed, pinned, within }) =>
    [`${live} (${within}) by ${how}`, fresh, failed, ...pinned].join(", "),
  );
}

describe("how a source is exchanged", () => {
  it("is by renaming it where it and its parent allow that", () => {
    expect(told([source("/a/s")], surface())).to.deep.equal(["/a/s (.) by rename, /a/s.restored-1, /a/s.failed-1"]);
  });

  it("puts a file beside in a directory of its own", () => {
    expect(told([source("/a/c.json", { type: "file" })], surface())).to.deep.equal([
      "/a/c.json (.) by rename, /a/c.json.restored-1/c.json, /a/c.json.failed-1",
    ]);
  });

  it("is name by name for a mount point, inside of it", () => {
    expect(told([source("/a/s")], surface(mount("/a/s")))).to.deep.equal([
      "/a/s (.) by contents, /a/s/.holdstill-guard-1/restored, /a/s/.holdstill-guard-1/failed",
    ]);
  });

  it("is name by name where its parent cannot be written", () => {
    const [place] = placesOf([source("/a/s")], { ...surface(), isParentWritable: () => false }, "1");
    expect(place?.how).to.equal("contents");
  });

  it("leaves a mount below it where it is, and makes it a place of its own if something in it goes back", () => {
    const kindAt: Returning["kindAt"] = (path) => (path === "m" ? "directory" : undefined);
    expect(told([source("/s", { kindAt })], surface(mount("/s/m"), mount("/s/w")))).to.deep.equal([
      "/s (.) by contents, /s/.holdstill-guard-1/restored, /s/.holdstill-guard-1/failed, w, m",
      "/s/m (m) by contents, /s/m/.holdstill-guard-1/restored, /s/m/.holdstill-guard-1/failed",
    ]);
  });

  it("does not touch what is mounted read-only: the command could not either", () => {
    const kindAt: Returning["kindAt"] = () => "directory";
    expect(told([source("/s", { kindAt })], surface(mount("/s/m", true)))).to.deep.equal([
      "/s (.) by contents, /s/.holdstill-guard-1/restored, /s/.holdstill-guard-1/failed, m",
    ]);
  });

  it("is refused for a file that is mounted, before anything is changed", () => {
    const kindAt: Returning["kindAt"] = () => "file";
    for (const [sources, over] of [
      [[source("/s", { kindAt })], surface(mount("/s/c.json"))],
      [[source("/c.json", { type: "file" })], surface(mount("/c.json"))],
    ] as const) {
      expect(() => placesOf(sources, over, "1"))
        .to.throw(HoldstillError)
        .that.includes({ code: "output-unusable" });
    }
  });

  it("comes after what it lies in", () => {
    const sources = [source("/s/w/agent", { source: 1 }), source("/s")];
    expect(placesOf(sources, surface(), "1").map(({ live }) => live)).to.deep.equal(["/s", "/s/w/agent"]);
  });
});
