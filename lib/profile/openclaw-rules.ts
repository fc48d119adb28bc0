import type { Rule } from "./exclude.js";

/** Directories of a state that OpenClaw makes again by itself; it leaves them out of its own backups too. */
const REGENERABLE: Readonly<Record<string, readonly string[]>> = {
  dev: ["/dev/"],
  git: ["/git/"],
  npm: ["/npm/"],
  "npm-runtime": ["/npm-runtime/"],
  tmp: ["/tmp/"],
  tools: ["/tools/"],
  "plugin-skills": ["/plugin-skills/"],
  "control-ui-assets": ["/cache/control-ui-assets/"],
  "skills-workspaces": ["/sandbox/skills-workspaces/"],
  "agent-tmp": ["/agents/*/agent/**/tmp/", "/agents/*/agent/**/.tmp/"],
  "extension-modules": ["/extensions/*/node_modules/"],
  "browser-singletons": ["/browser/*/user-data/Singleton*"],
};

/** What lives for milliseconds, or says only which process is running. */
const TRANSIENT: Readonly<Record<string, readonly string[]>> = {
  pid: ["*.pid"],
  "session-locks": ["/agents/*/sessions/**/*.lock"],
  "database-locks": [
    "*.sqlite.generation-lock.sqlite",
    "*.sqlite.generation-writer.sqlite",
    "*.sqlite.reindex-lock.sqlite",
  ],
};

/** What is left out of a state directory unless all of it is asked for. */
export const STATE_RULES: readonly Rule[] = rulesOf({ ...REGENERABLE, ...TRANSIENT });

/** What is left out of an agent's directory, wherever it lies. */
export const AGENT_RULES: readonly Rule[] = STATE_RULES.filter(({ name }) =>
  ["openclaw:pid", "openclaw:database-locks"].includes(name),
);

/** In a workspace no rule of a state around it holds: everything there is the user's. */
export const WORKSPACE_RULES: readonly Rule[] = [{ name: "openclaw:workspace", pattern: "!/**" }];

/** The captures that OpenClaw keeps beside a state directory while it updates: private, never in a backup. */
export function captureRule(pattern: string): Rule {
  return { name: "openclaw:update-captures", pattern, always: true };
}

function rulesOf(patterns: Readonly<Record<string, readonly string[]>>): Rule[] {
  return Object.entries(patterns).flatMap(([name, lines]) =>
    lines.map((pattern) => ({ name: `openclaw:${name}`, pattern })),
  );
}
