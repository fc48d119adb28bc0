import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { manifestOf, MAX_MANIFEST } from "../../lib/archive/manifest.js";
import { upstreamProblems } from "../../lib/archive/upstream.js";
import { directory, facts, file, link, plan, ROOT, source } from "./manifest-facts.js";

interface Manifest {
  readonly assets: unknown;
  readonly paths: Record<string, unknown>;
  readonly externalSymbolicLinks?: readonly { entryPath: string; linkpath: string }[];
}

const parsed = (text: string) => JSON.parse(text) as Manifest;

describe("manifestOf", () => {
  it("tells what OpenClaw's schema 1 asks for, and our own part beside it", () => {
    const manifest = manifestOf(facts([directory("."), file("openclaw.json")]));
    expect(JSON.parse(manifest)).to.deep.equal({
      schemaVersion: 1,
      archiveRoot: ROOT,
      createdAt: "2026-11-23T12:00:00.000Z",
      runtimeVersion: "holdstill 0.1.0",
      platform: "linux",
      nodeVersion: "v24.21.0",
      options: { includeWorkspace: true, onlyConfig: false },
      paths: {
        stateDir: "/home/u/.openclaw",
        configPath: "/home/u/.openclaw/openclaw.json",
        oauthDir: "/home/u/.openclaw/credentials",
        workspaceDirs: ["/srv/ws"],
        agentRoots: [{ agentId: "main", sourcePath: "/home/u/.openclaw/agents/main/agent" }],
      },
      assets: [
        {
          kind: "state",
          sourcePath: "/home/u/.openclaw",
          archivePath: `${ROOT}/payload/posix/home/u/.openclaw`,
        },
      ],
      skipped: [],
      externalSymbolicLinks: [],
      holdstill: { schema: 1 },
    });
  });

  it("names no source as an asset of which nothing is in the archive", () => {
    const sources = [source("state", "/s"), source("config", "/c.json", "file"), source("workspace", "/w")];
    const gone = { type: "skip", source: 1, path: bytesOf("."), reason: "vanished" } as const;
    const { assets } = parsed(manifestOf(facts([directory("."), gone, directory(".", 2)], plan({ sources }))));
    expect(assets).to.deep.equal([
      { kind: "state", sourcePath: "/s", archivePath: `${ROOT}/payload/posix/s` },
      { kind: "workspace", sourcePath: "/w", archivePath: `${ROOT}/payload/posix/w` },
    ]);
  });

  it("names no agents where only the configuration is backed up", () => {
    const only = plan({ options: { includeWorkspace: false, onlyConfig: true } });
    expect(parsed(manifestOf(facts([directory(".")], only))).paths).to.not.have.property("agentRoots");
  });

  it("judges links by the first source where there is no state directory", () => {
    const plain = plan({ profile: "directory", paths: undefined, sources: [source("workspace", "/data")] });
    expect(parsed(manifestOf(facts([directory(".")], plain))).paths).to.deep.equal({ stateDir: "/data" });
  });

  describe("tells of the symbolic link", () => {
    const table: [path: string, target: string, source: number, isExternal: boolean][] = [
      ["a", "b", 0, false],
      ["d/a", "../b", 0, false],
      ["a", ".", 0, false],
      ["a", "../.openclaw/", 0, false],
      ["a", "..", 0, true],
      ["a", "../.openclaw2/x", 0, true],
      ["a", "../../../../../../../../..", 0, true],
      ["a", "/etc/passwd", 0, true],
      ["a", "/home/u/.openclaw/", 0, false],
      ["a", "/home/u/.openclaw/../x", 0, true],
      ["a", "/home/u/.openclawx", 0, true],
      ["a", "b", 1, true],
      ["a", "../../home/u/.openclaw/x", 1, false],
    ];
    for (const [path, target, index, isExternal] of table) {
      it(`${path} -> ${target} in source ${index}: ${isExternal ? "yes" : "no"}`, () => {
        const { externalSymbolicLinks } = parsed(manifestOf(facts([link(path, target, index)])));
        const directories = ["home/u/.openclaw", "srv/ws"];
        const entryPath = `${ROOT}/payload/posix/${directories[index]}/${path}`;
        expect(externalSymbolicLinks).to.deep.equal(isExternal ? [{ entryPath, linkpath: target }] : []);
      });
    }
  });

  it("leaves out the list of links where it would be larger than OpenClaw reads, which is well if all stay inside", () => {
    const inside = Array.from({ length: 20_000 }, (_, n) => link(`node_modules/p${n}`, "../b", 1));
    const all = facts([directory("."), directory(".", 1), ...inside]);
    expect(Buffer.byteLength(manifestOf(all))).to.be.lessThan(MAX_MANIFEST);
    expect(parsed(manifestOf(all))).to.not.have.property("externalSymbolicLinks");
    expect(upstreamProblems(all)).to.deep.equal([]);
    const one = facts([...all.entries, link("out", "/etc", 1)]);
    expect(upstreamProblems(one)).to.deep.equal([
      "The symbolic links that leave the state directory are too many for the manifest",
    ]);
  });
});
