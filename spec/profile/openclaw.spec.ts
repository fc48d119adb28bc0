import { expect } from "chai";
import { bytesOf } from "../../lib/bytes.js";
import { HoldstillError } from "../../lib/errors.js";
import type { Kind } from "../../lib/filesystem.js";
import { excluder } from "../../lib/profile/exclude.js";
import { makeHome, type Home } from "./home.js";

const CONFIG = "home/.openclaw/openclaw.json";

describe("the profile openclaw", () => {
  let home: Home;
  beforeEach(() => (home = makeHome()));
  afterEach(() => home.remove());

  describe("finds the state directory", () => {
    const table: [title: string, planted: string[], env: Record<string, string>, found: string][] = [
      ["in the home directory", [".openclaw"], {}, "/home/.openclaw"],
      ["under its older name", [".clawdbot"], {}, "/home/.clawdbot"],
      ["under its newer name where both are", [".clawdbot", ".openclaw"], {}, "/home/.openclaw"],
      ["by OPENCLAW_STATE_DIR", [".openclaw", "s"], { OPENCLAW_STATE_DIR: " ~/s " }, "/home/s"],
      ["by a relative OPENCLAW_STATE_DIR", ["s"], { OPENCLAW_STATE_DIR: "home/s" }, "/home/s"],
      ["by OPENCLAW_HOME", ["h/.openclaw"], { OPENCLAW_HOME: "~/h" }, "/home/h/.openclaw"],
      [
        "of the named profile",
        [".openclaw", ".openclaw-w/openclaw.json"],
        { OPENCLAW_PROFILE: "w" },
        "/home/.openclaw-w",
      ],
      [
        "of no profile that has none",
        [".openclaw", ".openclaw-w/workspace"],
        { OPENCLAW_PROFILE: "w" },
        "/home/.openclaw",
      ],
      ["of the default profile", [".openclaw"], { OPENCLAW_PROFILE: "default" }, "/home/.openclaw"],
    ];
    for (const [title, planted, env, found] of table) {
      it(title, () => {
        for (const path of planted) home.plant({ [`home/${path}`]: path.endsWith(".json") ? "{}" : null });
        expect(home.sources({}, env)).to.include(`state ${found}`);
      });
    }

    it("through a link, and tells where it really is", () => {
      home.plant({ "data/openclaw.json": "{}", "home/.openclaw": { link: "ROOT/data" } });
      expect(home.sources()).to.deep.equal(["state /data"]);
      expect(home.discover().paths?.stateDir).to.equal(`${home.root}/data`);
    });

    it("or says that there is none", () => {
      expect(() => home.discover())
        .to.throw(HoldstillError)
        .with.property("code", "source-missing");
    });
  });

  it("takes what lies outside the state as sources of their own", () => {
    home.plant({
      [CONFIG]: `{ // JSON5
        agents: {
          defaults: { workspace: "ROOT/ws" },
          entries: { main: { default: true }, Other: { agentDir: "ROOT/agent" }, third: { workspace: "~/third" } },
        } }`,
      "ws/a": "",
      "agent/models.json": "",
      "home/third/a": "",
      "cred/a": "",
    });
    const env = { OPENCLAW_OAUTH_DIR: "ROOT/cred" };
    expect(home.sources({}, env)).to.deep.equal([
      "state /home/.openclaw",
      "credentials /cred",
      "workspace /ws",
      "workspace /home/third",
      "agent /agent",
    ]);
    const plan = home.discover({}, env);
    expect(plan.problems).to.deep.equal([]);
    expect(plan.paths?.agentRoots.map(({ agentId }) => agentId)).to.deep.equal(["main", "other", "third"]);
  });

  it("tells what lies inside another source, and in which", () => {
    home.plant({ [CONFIG]: "{}", "home/.openclaw/workspace/a": "" });
    const covered = home.discover().skipped.filter(({ kind }) => kind === "workspace");
    const state = `${home.root}/home/.openclaw`;
    expect(covered).to.deep.equal([
      { kind: "workspace", sourcePath: `${state}/workspace`, reason: "covered", coveredBy: state },
    ]);
  });

  it("backs up a workspace around the state as one source, with the rules of both", () => {
    home.plant({ [CONFIG]: `{ agents: { defaults: { workspace: "~" } } }`, "home/.openclaw/npm/a": "" });
    const plan = home.discover();
    expect(home.sources()).to.deep.equal(["workspace /home"]);
    expect(out(plan.sources[0], ".openclaw/npm", "directory")).to.equal("openclaw:npm");
    expect(out(plan.sources[0], "npm", "directory")).to.equal(undefined);
    expect(out(plan.sources[0], ".openclaw.update-captures", "directory")).to.equal("openclaw:update-captures");
  });

  it("keeps a workspace that lies in what is left out", () => {
    home.plant({
      [CONFIG]: `{ agents: { defaults: { workspace: "~/.openclaw/tools/ws" } } }`,
      "home/.openclaw/tools/ws/a": "",
    });
    expect(home.sources()).to.deep.equal(["state /home/.openclaw", "workspace /home/.openclaw/tools/ws"]);
    expect(home.sources({ defaultExcludes: false })).to.deep.equal(["state /home/.openclaw"]);
  });

  describe("gives an agent the workspace that OpenClaw gives it", () => {
    const table: [title: string, agents: string, workspaces: string[]][] = [
      ["the default where there is one agent", `{}`, ["/home/.openclaw/workspace"]],
      ["the shared one where there is one agent", `{ defaults: { workspace: "/w" } }`, ["/w"]],
      ["below the shared one", `{ defaults: { workspace: "/w" }, entries: { a: {}, b: {} } }`, ["/w", "/w/a", "/w/b"]],
      [
        "beside the default one",
        `{ entries: { a: { default: true }, b: {} } }`,
        ["/home/.openclaw/workspace", "/home/.openclaw/workspace-b"],
      ],
      [
        "the first of an older list",
        `{ list: [{ id: "a" }, { id: "b" }] }`,
        ["/home/.openclaw/workspace", "/home/.openclaw/workspace-b"],
      ],
      ["none without agents", `{ ownership: "explicit", entries: {} }`, []],
      ["by the environment", `{ entries: { a: { workspace: "\${WS}/a$\${X}" } } }`, ["/srv/a${X}"]],
    ];
    for (const [title, agents, workspaces] of table) {
      it(title, () => {
        home.plant({ [CONFIG]: `{ env: { WS: "/srv" }, agents: ${agents} }` });
        const found = home.discover().paths?.workspaceDirs.map((path) => path.replace(home.root, ""));
        expect(found).to.deep.equal(workspaces);
      });
    }

    it("by the .env of the state", () => {
      home.plant({
        [CONFIG]: `{ agents: { defaults: { workspace: "\${WS}" } } }`,
        "home/.openclaw/.env": "WS=/from/dotenv\n",
      });
      expect(home.discover().paths?.workspaceDirs).to.deep.equal(["/from/dotenv"]);
    });
  });

  describe("tells as a problem", () => {
    const table: [title: string, config: string, problem: RegExp][] = [
      ["a configuration that does not parse", "{ agents: ", /openclaw\.json does not parse/],
      ["a variable that is not set", `{ agents: { defaults: { workspace: "\${NOPE}/x" } } }`, /NOPE is not set/],
      ["an include that is missing", `{ $include: "./gone.json" }`, /gone\.json could not be read/],
    ];
    for (const [title, config, problem] of table) {
      it(`${title}, and still takes the state`, () => {
        home.plant({ [CONFIG]: config });
        const { sources, problems } = home.discover();
        expect(sources.map(({ kind }) => kind)).to.deep.equal(["state"]);
        expect(problems).to.have.length(1);
        expect(problems[0]).to.match(problem);
      });
    }

    it("a configuration that was named and is not there", () => {
      home.plant({ "home/.openclaw/a": "" });
      expect(home.discover({}, { OPENCLAW_CONFIG_PATH: "/gone.json" }).problems).to.deep.equal([
        "OPENCLAW_CONFIG_PATH names /gone.json, which does not exist",
      ]);
    });
  });

  describe("with only the configuration", () => {
    const only = { onlyConfig: true };

    it("takes it and its includes as files", () => {
      home.plant({
        "etc/main.json": `{ $include: ["./a.json5", "./b/c.json"] }`,
        "etc/a.json5": "{}",
        "etc/b/c.json": "{}",
      });
      const env = { OPENCLAW_CONFIG_PATH: "ROOT/etc/main.json" };
      expect(home.sources(only, env)).to.deep.equal([
        "config /etc/main.json",
        "config /etc/a.json5",
        "config /etc/b/c.json",
      ]);
      expect(home.discover(only, env).sources.every(({ type }) => type === "file")).to.equal(true);
    });

    it("takes one that does not parse, without a complaint", () => {
      home.plant({ [CONFIG]: "{ broken" });
      expect(home.sources(only)).to.deep.equal(["config /home/.openclaw/openclaw.json"]);
      expect(home.discover(only).problems).to.deep.equal([]);
    });

    it("complains where includes cannot be found out", () => {
      home.plant({ [CONFIG]: `{ $include: "./a.json", broken` });
      expect(home.discover(only).problems).to.have.length(1);
    });

    it("fails without one", () => {
      home.plant({ "home/.openclaw": null });
      expect(() => home.discover(only))
        .to.throw(HoldstillError)
        .with.property("code", "source-missing");
    });
  });

  it("without workspaces leaves out those in the state and does not look at others", () => {
    home.plant({
      [CONFIG]: `{ agents: { entries: { main: { default: true }, b: { workspace: "ROOT/ws" } } } }`,
      "ws/a": "",
      "home/.openclaw/workspace/agent/a": "",
    });
    const without = { includeWorkspace: false };
    expect(home.sources(without)).to.deep.equal(["state /home/.openclaw"]);
    expect(out(home.discover(without).sources[0], "workspace", "directory")).to.equal("openclaw:workspace");
    expect(out(home.discover().sources[0], "workspace", "directory")).to.equal(undefined);
  });

  it("leaves out of an agent's directory elsewhere what says only which process is running", () => {
    home.plant({ [CONFIG]: `{ agents: { entries: { main: { agentDir: "ROOT/agent" } } } }`, "agent/a": "" });
    const agent = home.discover().sources.find(({ kind }) => kind === "agent");
    expect(out(agent, "worker.pid", "file")).to.equal("openclaw:pid");
    expect(out(agent, "m.sqlite.generation-lock.sqlite", "file")).to.equal("openclaw:database-locks");
    expect(out(agent, "a", "file")).to.equal(undefined);
  });

  it("takes a state directory that is named as a source", () => {
    home.plant({ "other/openclaw.json": "{}" });
    expect(home.sources({ profile: "openclaw", sources: ["other"] })).to.deep.equal(["state /other"]);
  });

  describe("by its default rules", () => {
    const table: [path: string, kind: Kind, rule: string | undefined][] = [
      ["npm", "directory", "openclaw:npm"],
      ["npm-runtime", "directory", "openclaw:npm-runtime"],
      ["dev", "directory", "openclaw:dev"],
      ["git", "directory", "openclaw:git"],
      ["tmp", "directory", "openclaw:tmp"],
      ["tools", "directory", "openclaw:tools"],
      ["plugin-skills", "directory", "openclaw:plugin-skills"],
      ["cache/control-ui-assets", "directory", "openclaw:control-ui-assets"],
      ["cache", "directory", undefined],
      ["sandbox/skills-workspaces", "directory", "openclaw:skills-workspaces"],
      ["agents/main/agent/tmp", "directory", "openclaw:agent-tmp"],
      ["agents/main/agent/a/b/.tmp", "directory", "openclaw:agent-tmp"],
      ["agents/main/tmp", "directory", undefined],
      ["extensions/x/node_modules", "directory", "openclaw:extension-modules"],
      ["extensions/x/y/node_modules", "directory", undefined],
      ["browser/p/user-data/SingletonLock", "symlink", "openclaw:browser-singletons"],
      ["gateway.pid", "file", "openclaw:pid"],
      ["agents/main/sessions/a.jsonl.lock", "file", "openclaw:session-locks"],
      ["agents/main/sessions/sub/sessions.json.lock", "file", "openclaw:session-locks"],
      ["memory/main.sqlite.generation-lock.sqlite", "file", "openclaw:database-locks"],
      ["memory/main.sqlite.generation-writer.sqlite", "file", "openclaw:database-locks"],
      ["memory/main.sqlite.reindex-lock.sqlite", "file", "openclaw:database-locks"],
      ["memory/main.sqlite", "file", undefined],
      ["agents/main/sessions/a.jsonl", "file", undefined],
      ["agents/main/sessions/a.jsonl.reset.2026", "file", undefined],
      ["agents/main/sessions/a.jsonl.deleted.2026", "file", undefined],
      ["agents/main/sessions/cold/ab.jsonl.zst", "file", undefined],
      ["logs/gateway.log", "file", undefined],
      ["cron/runs/a.jsonl", "file", undefined],
      ["delivery-queue/a.json", "file", undefined],
      ["workspace/yarn.lock", "file", undefined],
      ["workspace/notes.tmp", "file", undefined],
      ["workspace/server.pid", "file", undefined],
      ["workspace/npm", "directory", undefined],
    ];
    for (const [path, kind, rule] of table) {
      it(`${rule === undefined ? "keeps" : "leaves out"} ${path}`, () => {
        home.plant({ [CONFIG]: "{}", "home/.openclaw/workspace": null });
        expect(out(home.discover().sources[0], path, kind)).to.equal(rule);
        expect(out(home.discover({ defaultExcludes: false }).sources[0], path, kind)).to.equal(undefined);
      });
    }
  });
});

function out(source: { readonly rules: Parameters<typeof excluder>[0] } | undefined, path: string, kind: Kind) {
  return source && excluder(source.rules, []).rule(bytesOf(path), kind);
}
