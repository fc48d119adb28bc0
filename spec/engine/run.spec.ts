import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { byLine, findEngine, runEngine } from "../../lib/engine/run.js";
import { HoldstillError } from "../../lib/errors.js";
import { surroundings } from "../helpers/run.js";
import { tmpDirectory } from "../helpers/tree.js";

function engine(script: string) {
  const bin = tmpDirectory();
  writeFileSync(join(bin, "engine"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const around = surroundings({ env: { PATH: `${bin}:${process.env["PATH"]}`, SECRET: "s" } });
  return { around, found: findEngine("engine", around) };
}

describe("an engine", () => {
  it("is run with the environment, and its output is taken", async () => {
    const { around, found } = engine('echo "$1 $SECRET"; echo told >&2; exit 3');
    const said: string[] = [];
    const ended = await runEngine(found, ["a"], { take: text, onSaid: (line) => said.push(line) }, around);
    expect(ended).to.deep.equal({ exitCode: 3, said: "told\n", taken: "a s\n" });
    expect(said).to.deep.equal(["told"]);
  });

  it("that fails is asked why, before what was made of its output is", async () => {
    const { around, found } = engine("echo half; echo why >&2; exit 1");
    const take = async (): Promise<never> => {
      throw new Error("it ends early");
    };
    const late = runEngine(found, [], { take: (out) => text(out).then(take) }, around);
    expect(await late).to.deep.equal({ exitCode: 1, said: "why\n", taken: undefined });
  });

  it("is ended by who refuses its output", async () => {
    const { around, found } = engine("echo line; exec sleep 60");
    const refusing = byLine(() => {
      throw new Error("no more");
    });
    const refused = await runEngine(found, [], { take: refusing }, around).catch((error: unknown) => error);
    expect(String(refused)).to.equal("Error: no more");
  });

  it("is interrupted where the run is", async () => {
    const controller = new AbortController();
    const { around, found } = engine("echo ready; exec sleep 60");
    const reason = new HoldstillError("interrupted", "interrupted");
    const take = byLine(() => controller.abort(reason));
    const ended = runEngine(found, [], { take }, { ...around, signal: controller.signal });
    expect(await ended.catch((error: unknown) => error)).to.equal(reason);
  });

  it("that is not installed is said to be", () => {
    expect(() => findEngine("rclone", surroundings({ env: { PATH: "/nonexistent" } }))).to.throw(
      "rclone is not installed",
    );
  });
});
