import { expect } from "chai";
import { effective } from "../../lib/config/effective.js";
import { parseConfiguration } from "../../lib/config/parse.js";
import type { Given } from "../../lib/config/settings.js";

function merged(options: Given, environment: Given, text = "") {
  const { file } = parseConfiguration(text, "/h.yaml", { homedir: "/", directory: "/" });
  return effective({ options, environment, file });
}

describe("what counts", () => {
  it("is the option, else the variable, else the file, else the default", () => {
    const file = "label: file\nlevel: 3\nstrict: true\n";
    const { settings, origins } = merged({ label: "option" }, { label: "environment", level: 4 }, file);
    expect(settings).to.include({ label: "option", level: 4, strict: true, verify: true });
    expect(origins).to.deep.include({
      label: { from: "option" },
      level: { from: "environment", variable: "HOLDSTILL_LEVEL" },
      strict: { from: "file", path: "/h.yaml", line: 3 },
      verify: { from: "default" },
    });
  });

  it("is false where false was said, over a file that says true", () => {
    expect(merged({ strict: false, verify: false }, {}, "strict: true").settings).to.include({
      strict: false,
      verify: false,
    });
    expect(merged({ verify: true }, {}, "verify: false").settings.verify).to.equal(true);
  });

  it("is a whole list, not two lists together", () => {
    expect(merged({ exclude: ["a"] }, {}, "exclude: [b, c]").settings.exclude).to.deep.equal(["a"]);
  });

  it("is not the level of another compression", () => {
    const file = "compress: zstd\nlevel: 19\n";
    expect(merged({ compress: "gzip" }, {}, file).settings.level).to.equal(undefined);
    expect(merged({ compress: "gzip", level: 9 }, {}, file).settings.level).to.equal(9);
    expect(merged({ compress: "zstd" }, {}, file).settings.level).to.equal(19);
    expect(merged({ compress: "gzip" }, { level: 5 }, file).settings.level).to.equal(undefined);
    expect(merged({}, {}, file).settings).to.include({ compress: "zstd", level: 19 });
  });

  it("is the compression that the archive's name has, where the name was given with more say", () => {
    const file = "compress: zstd\nlevel: 19\n";
    expect(merged({ output: "x.tar.gz" }, {}, file).settings).to.include({ compress: "auto", level: undefined });
    expect(merged({ output: "x.tar.gz", compress: "zstd" }, {}, file).settings.compress).to.equal("zstd");
    expect(merged({ output: "/backup" }, {}, file).settings).to.include({ compress: "zstd", level: 19 });
  });

  it("is one of two schedules, the one with more say", () => {
    const { daily, calendar } = merged({ daily: "03:00" }, {}, "schedule: {calendar: weekly}").settings;
    expect({ daily, calendar }).to.deep.equal({ daily: "03:00", calendar: undefined });
    expect(merged({ calendar: "weekly" }, { daily: "03:00" }).settings.daily).to.equal(undefined);
  });
});
