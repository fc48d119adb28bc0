import type { CreateOptions } from "../create.js";
import type { Surroundings } from "../surroundings.js";

/** What the commands can do, loaded when one of them is started: `--help` and `--version` wait for none of it. */
export const useCases = {
  create: async (options: CreateOptions, around: Surroundings) =>
    (await import("../create.js")).create(options, around),
  plan: async (options: CreateOptions, around: Surroundings) => (await import("../create.js")).plan(options, around),
  verify: async (path: string, around: Surroundings) => (await import("../verify.js")).verify(path, around),
  listArchives: async (directory: string | undefined, around: Surroundings) =>
    (await import("../vault/archives.js")).listArchives(directory, around),
  namedArchive: async (name: string, directory: string | undefined, around: Surroundings) =>
    (await import("../vault/archives.js")).namedArchive(name, directory, around),
} as const;

export type UseCases = typeof useCases;
