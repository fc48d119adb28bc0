import { expect } from "chai";
import { taggedBy, tagsOf } from "../../lib/restic/tags.js";

const TAGGED = {
  ...{ id: "1-2", profile: "directory", label: "pre-upgrade", sources: ["/a,b", "/50%2C"], files: 3, bytes: 7 },
};

describe("the tags of a snapshot", () => {
  it("tell what was given to them, commas and all, and that it is complete unless they say otherwise", () => {
    const tags = tagsOf(TAGGED);
    expect(tags.join()).not.to.match(/source=[^=]*\/a,b/);
    expect(taggedBy(tags)).to.deep.equal({ ...TAGGED, complete: true });
    expect(taggedBy([...tags, "incomplete"])).to.include({ complete: false });
  });

  it("are not ours where somebody else set them", () => {
    expect(taggedBy(["id=1", "profile=directory"])).to.equal(undefined);
    expect(taggedBy(["holdstill"])).to.equal(undefined);
  });
});
