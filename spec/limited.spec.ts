import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import { limited } from "../lib/limited.js";

const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener("abort", () => resolve(signal.reason), { once: true });
  });

describe("a limit", () => {
  it("comes although garbage is collected meanwhile", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const collecting = setInterval(collect, 5);
    try {
      const reason = await limited(50, [new AbortController().signal], aborted);
      expect(reason).to.be.instanceOf(DOMException).and.include({ name: "TimeoutError" });
    } finally {
      clearInterval(collecting);
    }
  });

  it("is there from the beginning where a signal was aborted before", async () => {
    expect(await limited(60_000, [new AbortController().signal, AbortSignal.abort("why")], aborted)).to.equal("why");
  });

  it("comes earlier where a signal is aborted, and is no limit any more after that", async () => {
    const controller = new AbortController();
    setImmediate(() => controller.abort("enough"));
    let kept: AbortSignal | undefined;
    const reason = await limited(60_000, [controller.signal], (signal) => aborted((kept = signal)));
    expect(reason).to.equal("enough");
    expect(kept).to.include({ aborted: true, reason: "enough" });
  });

  it("passes on what comes of it", async () => {
    expect(await limited(60_000, [], () => Promise.resolve(7))).to.equal(7);
  });
});
