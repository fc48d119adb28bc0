import { readFileSync } from "node:fs";
import { expect } from "chai";
import { HoldstillError } from "../../lib/errors.js";
import { failureLines, failureOf } from "../../lib/report/failure.js";

describe("failure", () => {
  it("has only what the error has", () => {
    expect(failureOf(new HoldstillError("locked", "held"))).to.deep.equal({ code: "locked", message: "held" });
    const error = new HoldstillError("locked", "held", { path: "/a", hint: "Wait.", cause: new Error("x") });
    expect(failureOf(error)).to.deep.equal({ code: "locked", message: "held", path: "/a", hint: "Wait." });
  });

  it("takes an error of the operating system for io, with its path", () => {
    const missing = "/nonexistent/holdstill";
    const thrown = (): unknown => {
      try {
        return readFileSync(missing);
      } catch (error) {
        return error;
      }
    };
    const { code, path, message } = failureOf(thrown());
    expect({ code, path }).to.deep.equal({ code: "io", path: missing });
    expect(message).to.include("ENOENT");
  });

  it("takes a full disk for no-space", () => {
    const error = Object.assign(new Error("ENOSPC: no space left on device, write"), {
      code: "ENOSPC",
      syscall: "write",
    });
    expect(failureOf(error)).to.deep.equal({ code: "no-space", message: error.message });
  });

  it("takes anything else for a defect", () => {
    expect(failureOf(new TypeError("x is not a function")).code).to.equal("internal");
    expect(failureOf("thrown string")).to.include({ code: "internal", message: "thrown string" });
    expect(failureOf(undefined).code).to.equal("internal");
  });

  it("names the path once and puts the hint on a line of its own", () => {
    const failure = { code: "locked", message: "held", path: "/a", hint: "Wait." } as const;
    expect(failureLines(failure)).to.deep.equal(["holdstill: held: /a", "Wait."]);
    expect(failureLines({ ...failure, message: "It is held." })[0]).to.equal("holdstill: It is held: /a");
    expect(failureLines({ ...failure, message: "/a is held" })).to.deep.equal(["holdstill: /a is held", "Wait."]);
  });
});
