import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { discover, type DiscoverOptions } from "../../lib/profile/discover.js";
import { disk } from "../../lib/filesystem.js";
import type { ProfilePlan } from "../../lib/profile/plan.js";

/** Text is a file, `{ link }` a symbolic link, null an empty directory. */
export type Tree = { readonly [path: string]: string | null | { readonly link: string } };

/** A temporary directory that plays `/`: with a home in it, and with what a profile finds told without its prefix. */
export interface Home {
  readonly root: string;
  readonly plant: (tree: Tree) => void;
  readonly discover: (options?: Partial<DiscoverOptions>, env?: Record<string, string>) => ProfilePlan;
  /** Kind and path of each source. */
  readonly sources: (options?: Partial<DiscoverOptions>, env?: Record<string, string>) => string[];
  readonly remove: () => void;
}

const OPTIONS: DiscoverOptions = {
  sources: undefined,
  profile: undefined,
  onlyConfig: false,
  includeWorkspace: true,
  defaultExcludes: true,
  excludeCaches: false,
};

/** In paths and environment `ROOT` stands for the temporary directory. */
export function makeHome(): Home {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "holdstill-home-")));
  const real = (text: string) => text.replaceAll("ROOT", root);
  const find: Home["discover"] = (options = {}, env = {}) => {
    const values = Object.entries({ HOME: "ROOT/home", ...env }).map(([name, value]) => [name, real(value)] as const);
    const sources = options.sources?.map(real);
    const place = { fs: disk, env: Object.fromEntries(values), homedir: "/nowhere", cwd: root };
    return discover({ ...OPTIONS, ...options, sources }, place);
  };
  return {
    root,
    plant: (tree) => {
      for (const [name, content] of Object.entries(tree)) plantOne(path.join(root, name), content, real);
    },
    discover: find,
    sources: (options, env) => find(options, env).sources.map(({ kind, path }) => `${kind} ${path.slice(root.length)}`),
    remove: () => fs.rmSync(root, { recursive: true }),
  };
}

function plantOne(target: string, content: Tree[string], real: (text: string) => string): void {
  fs.mkdirSync(content === null ? target : path.dirname(target), { recursive: true });
  if (typeof content === "string") fs.writeFileSync(target, real(content));
  else if (content !== null && content !== undefined) fs.symlinkSync(real(content.link), target);
}
