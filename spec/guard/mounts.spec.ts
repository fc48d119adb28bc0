import { expect } from "chai";
import type { Bytes } from "../../lib/bytes.js";
import { isWithin, locate, parseMounts, relativeTo } from "../../lib/guard/mounts.js";

const MOUNTINFO = [
  "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
  "40 27 0:40 / /data rw,nosuid shared:1 - xfs /dev/vdb rw",
  "41 40 254:0 /srv/with\\040blank /data/bound ro,relatime - ext4 /dev/vda rw",
  "42 27 0:50 / /data rw - tmpfs none rw",
  "",
].join("\n");

const bytes = (path: string): Bytes => path as Bytes;

describe("mounts", () => {
  it("are read with what of a filesystem they show, and whether it can be written", () => {
    expect(parseMounts(MOUNTINFO).slice(1, 3)).to.deep.equal([
      { device: "0:40", root: "/", point: "/data", readOnly: false, type: "xfs" },
      { device: "254:0", root: "/srv/with blank", point: "/data/bound", readOnly: true, type: "ext4" },
    ]);
  });

  it("tell where a path leads, through a bind mount to the same place as without", () => {
    const mounts = parseMounts(MOUNTINFO);
    const place = { device: "254:0", path: "/srv/with blank/state/x" };
    expect(locate(mounts, bytes("/data/bound/state/x"))).to.deep.equal(place);
    expect(locate(mounts, bytes("/srv/with blank/state/x"))).to.deep.equal(place);
  });

  it("are covered by what was mounted over them later", () => {
    expect(locate(parseMounts(MOUNTINFO), bytes("/data/y"))?.device).to.equal("0:50");
  });

  it("hold no path where there are none", () => {
    expect(locate([], bytes("/x"))).to.equal(undefined);
  });
});

describe("a path below a directory", () => {
  it("is not one that only begins alike", () => {
    expect(isWithin(bytes("/a/bc"), bytes("/a/b"))).to.equal(false);
    expect(isWithin(bytes("/a/b/c"), bytes("/a/b"))).to.equal(true);
    expect(isWithin(bytes("/a"), bytes("/"))).to.equal(true);
  });

  it("is named from there", () => {
    expect(relativeTo(bytes("/a"), bytes("/a/b/c"))).to.equal("b/c");
    expect(relativeTo(bytes("/"), bytes("/a"))).to.equal("a");
    expect(relativeTo(bytes("/a"), bytes("/a"))).to.equal(".");
  });
});
