import { expect } from "chai";
import { HoldstillError } from "../../lib/errors.js";
import { makeHome, type Home } from "./home.js";

describe("the profile directory", () => {
  let home: Home;
  beforeEach(() => (home = makeHome()));
  afterEach(() => home.remove());

  it("takes directories as they are, without rules", () => {
    home.plant({ "a/x": "", "b/x": "" });
    const { profile, sources } = home.discover({ sources: ["a", "ROOT/b"] });
    expect(profile).to.equal("directory");
    expect(sources).to.deep.equal([
      { path: `${home.root}/a`, type: "directory", kind: "workspace", rules: [] },
      { path: `${home.root}/b`, type: "directory", kind: "workspace", rules: [] },
    ]);
  });

  it("takes one that lies in another, or is named twice or through a link, once", () => {
    home.plant({ "a/x/y": "", link: { link: "a" } });
    const sources = ["a/x", "link", "a", "./a/"];
    expect(home.sources({ sources })).to.deep.equal(["workspace /a"]);
    expect(home.discover({ sources }).skipped.map(({ reason }) => reason)).to.deep.equal(["covered"]);
  });

  it("does not take a name that begins like another for one inside it", () => {
    home.plant({ "a/x": "", "ab/x": "" });
    expect(home.sources({ sources: ["a", "ab"] })).to.deep.equal(["workspace /a", "workspace /ab"]);
  });

  it("looks for cache directories only when asked to", () => {
    home.plant({ "a/x": "" });
    const names = (excludeCaches: boolean) =>
      home.discover({ sources: ["a"], excludeCaches }).markers.map(({ rule }) => rule);
    expect(names(false)).to.deep.equal(["openclaw:update-captures"]);
    expect(names(true)).to.deep.equal(["openclaw:update-captures", "CACHEDIR.TAG"]);
  });

  const faults: [title: string, options: Parameters<Home["discover"]>[0], code: string][] = [
    ["a source that does not exist", { sources: ["gone"] }, "source-missing"],
    ["a source that is a device", { sources: ["/dev/null"] }, "source-missing"],
    ["a source that is a file", { sources: ["/proc/self/status"] }, "source-missing"],
    ["no source at all", { profile: "directory" }, "usage"],
    ["only the configuration of a directory", { sources: ["ROOT"], onlyConfig: true }, "usage"],
    ["two state directories", { sources: ["a", "b"], profile: "openclaw" }, "usage"],
  ];
  for (const [title, options, code] of faults) {
    it(`refuses ${title}`, () => {
      expect(() => home.discover(options))
        .to.throw(HoldstillError)
        .with.property("code", code);
    });
  }
});
