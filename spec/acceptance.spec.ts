import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { expect } from "chai";
import type { CreateReport } from "../lib/report/create-report.js";
import { DISKS, afterTheFreeze, filesBelow, proofsIn, type Way } from "./helpers/freeze.js";
import { createFrom, extracted } from "./helpers/run.js";
import { age, contents, link, tmpTree } from "./helpers/tree.js";

const SESSIONS = "agents/main/sessions";

const MANY_LINES = '{"role":"user","content":"the same again"}\n'.repeat(40_000);

/** A state directory in the middle of its work: two sessions end in half a line. */
const LIVE = {
  "openclaw.json": '{"gateway":{"port":18789}}',
  agents: {
    main: {
      sessions: {
        "sessions.json": '{"main":{"sessionId":"1"}}',
        "1.jsonl": '{"n":1}\n{"n":2}\n',
        "2.jsonl": '{"n":1}\n{"n":',
        "3.jsonl.deleted.1767225600": '{"n":1}\n',
        "long.jsonl": `${MANY_LINES}{"role":"assi`,
      },
    },
  },
  logs: { "gateway.log": "started\nlistening on" },
  media: { "photo.bin": Buffer.alloc(5_000, "\xff\x00\n"), "scan.bin": Buffer.alloc(2_000_000, "scan") },
  workspace: { latest: link("../agents/main/sessions/2.jsonl"), empty: {} },
};

/** What a backup of that moment holds beside the rest: sessions end at a complete line. */
const AT_LINES = { [`${SESSIONS}/2.jsonl`]: '{"n":1}\n', [`${SESSIONS}/long.jsonl`]: MANY_LINES };

interface Outcome {
  readonly report: CreateReport;
  readonly source: string;
  /** The tree at the freeze, cut at lines. */
  readonly frozen: Record<string, string>;
  readonly archived: Record<string, string>;
}

/** Backs up the tree; what is to happen to each of its files happens right after the freeze. */
async function backUp(strategy: Way, happens: (file: string) => void): Promise<Outcome> {
  const source = tmpTree(LIVE);
  age(source, 5);
  const frozen = { ...contents(source), ...AT_LINES };
  const files = filesBelow(source);
  const moment = afterTheFreeze(() => files.splice(0).forEach((file) => happens(file)));
  const report = await createFrom(source, { strategy }, { fs: DISKS[strategy], ...moment });
  expect(files, "nothing happened").to.be.empty;
  return { report, source, frozen, archived: extracted(report, source) };
}

function isAppendedTo(path: string): boolean {
  return path.includes(".jsonl") || path.endsWith(".log");
}

describe("a backup is the moment of its freeze", () => {
  for (const strategy of ["clone", "link", "copy"] as const) {
    it(`when every live file is deleted right after it (${strategy})`, async () => {
      const { report, source, frozen, archived } = await backUp(strategy, (file) => rmSync(file));
      expect(filesBelow(source)).to.be.empty;
      expect(archived).to.deep.equal(frozen);
      expect(report).to.deep.include({ complete: true, skipped: [] });
      expect(report.capture[strategy]).to.equal(report.counts.files);
      expect(report.verdicts.exact).to.equal(report.counts.files);
    });
  }

  for (const strategy of ["clone", "copy"] as const) {
    it(`when every live file is appended to right after it (${strategy})`, async () => {
      const { report, frozen, archived } = await backUp(strategy, (file) => appendFileSync(file, 'more\n{"half'));
      expect(archived).to.deep.equal(frozen);
      expect(report.verdicts.exact).to.equal(report.counts.files);
    });

    it(`when every live file is rewritten in place right after it (${strategy})`, async () => {
      const { report, frozen, archived } = await backUp(strategy, (file) => writeFileSync(file, "another life\n"));
      expect(archived).to.deep.equal(frozen);
      expect(report.verdicts.exact).to.equal(report.counts.files);
    });
  }

  it("when every live file is appended to right after it, for sessions and logs (link)", async () => {
    const { report, frozen, archived } = await backUp("link", (file) => appendFileSync(file, 'more\n{"half'));
    const proofs = proofsIn(report);
    for (const [path, { verdict }] of Object.entries(proofs)) {
      const grown = `${frozen[path]}more\n{"half`;
      if (isAppendedTo(path)) expect([verdict, archived[path]], path).to.deep.equal(["prefix", frozen[path]]);
      else expect([verdict, archived[path]], path).to.deep.equal(["recaptured", grown]);
    }
    expect(Object.keys(archived)).to.deep.equal(Object.keys(frozen));
    expect(report.verdicts).to.include({ prefix: 5, recaptured: 4 });
    expect(report.complete).to.equal(true);
  });

  it("or says of a file that it is another moment's, whole, and when: all are rewritten in place (link)", async () => {
    const rewritten = (path: string): string => `{"life":2,"of":"${path}"}\n`;
    const { report, frozen, archived } = await backUp("link", (file) => {
      const path = file.slice(file.indexOf("/source/") + "/source/".length);
      writeFileSync(file, `${rewritten(path)}${isAppendedTo(path) ? '{"half' : ""}`);
    });
    const proofs = proofsIn(report);
    expect(Object.keys(archived)).to.deep.equal(Object.keys(frozen));
    for (const [path, { verdict, at }] of Object.entries(proofs)) {
      expect(verdict, path).to.equal("recaptured");
      expect(Date.parse(at), path).to.be.at.least(Date.parse(report.frozen.to));
      expect(archived[path], path).to.equal(path.endsWith(".log") ? `${rewritten(path)}{"half` : rewritten(path));
    }
    expect(report.verdicts.recaptured).to.equal(report.counts.files);
    expect(report.complete).to.equal(true);
  });
});
