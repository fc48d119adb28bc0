import type { Options } from "yargs";
import { duration, many, one, oneOf, wholeNumber } from "./values.js";

/** Options of every command. */
export const SHARED = {
  json: { type: "boolean", describe: "print one JSON document on stdout and nothing else there" },
  quiet: { type: "boolean", describe: "print only what went wrong" },
} as const satisfies Record<string, Options>;

const PROFILES = ["openclaw", "directory"] as const;
const STRATEGIES = ["auto", "clone", "link", "copy"] as const;
const COMPRESSIONS = ["auto", "zstd", "gzip", "none"] as const;

/** Takes a value; `nargs` keeps it to one, so that what follows is an operand again. */
const VALUE = { type: "string", nargs: 1 } as const;

export const CREATE = {
  source: {
    ...VALUE,
    coerce: many("source"),
    describe: "directory to back up, repeatable [default: the OpenClaw state]",
  },
  profile: {
    ...VALUE,
    coerce: oneOf("profile", PROFILES),
    choices: PROFILES,
    describe: "what kind of source it is [default: directory with --source, openclaw without]",
  },
  output: {
    ...VALUE,
    coerce: one("output"),
    describe: "archive directory, or the archive's own path [default: ~/.local/share/holdstill/PROFILE]",
  },
  wait: {
    ...VALUE,
    coerce: duration("wait"),
    describe: "wait this long for another run into the same directory to end, e.g. 5m [default: 0]",
  },
  "only-config": { type: "boolean", describe: "only OpenClaw's configuration" },
  "include-workspace": {
    type: "boolean",
    default: true,
    describe: "OpenClaw's workspaces too; --no-include-workspace leaves them out",
  },
  exclude: {
    ...VALUE,
    coerce: many("exclude"),
    describe: "leave out what matches, as in a .gitignore, repeatable",
  },
  "default-excludes": {
    type: "boolean",
    default: true,
    describe: "the profile's own exclude rules; --no-default-excludes drops them",
  },
  "exclude-caches": { type: "boolean", describe: "leave out directories with a CACHEDIR.TAG" },
  strategy: {
    ...VALUE,
    coerce: oneOf("strategy", STRATEGIES),
    choices: STRATEGIES,
    describe: "how files are frozen: reflink, hard link, copy [default: auto, the first that works]",
  },
  compress: {
    ...VALUE,
    coerce: oneOf("compress", COMPRESSIONS),
    choices: COMPRESSIONS,
    describe: "how the archive is compressed [default: auto, zstd where there is one]",
  },
  level: {
    ...VALUE,
    coerce: wholeNumber("level"),
    describe: "compression level: zstd 1-19 [default: 3], gzip 1-9 [default: 6]",
  },
  label: { ...VALUE, coerce: one("label"), describe: "a word for the archive's name, e.g. pre-upgrade" },
  verify: {
    type: "boolean",
    default: true,
    describe: "read the archive back before it is published; --no-verify does not",
  },
  strict: { type: "boolean", describe: "exit 3 also when files vanished meanwhile" },
  "dry-run": { type: "boolean", describe: "tell what would be archived, and do nothing" },
} as const satisfies Record<string, Options>;

export const VERIFY = {
  all: { type: "boolean", describe: "every archive of the archive directory" },
  output: { ...VALUE, coerce: one("output"), describe: "the archive directory, for --all and `latest`" },
} as const satisfies Record<string, Options>;
