import type { Options } from "yargs";
import { optionOf, settingOf, SETTINGS, type Key, type ValueOf } from "../config/settings.js";
import { durationText } from "../config/values.js";
import { duration, many, one, valueOf } from "./values.js";

/** Takes a value; `nargs` keeps it to one, so that what follows is an operand again. */
const VALUE = { type: "string", nargs: 1 } as const;

/** Options of every command. */
export const SHARED = {
  json: { type: "boolean", describe: "print one JSON document on stdout and nothing else there" },
  quiet: { type: "boolean", describe: "print only what went wrong" },
  config: {
    ...VALUE,
    coerce: one("config"),
    describe: "configuration file [default: ~/.config/holdstill/holdstill.yaml, else that in /etc/holdstill]",
  },
} as const satisfies Record<string, Options>;

type OptionOf<K extends Key> = (typeof SETTINGS)[K]["kind"] extends "flag"
  ? { readonly type: "boolean"; readonly describe: string }
  : { readonly type: "string"; readonly describe: string; readonly coerce: (given: unknown) => ValueOf<K> };

type Dashed<S extends string> = S extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `-${Lowercase<First>}`}${Dashed<Rest>}`
  : S;

/**
 * The options of some settings. They have no default, which yargs would take for what was said: `configured` knows the
 * defaults.
 */
export function optionsOf<K extends Key>(...keys: readonly K[]): { readonly [P in K as Dashed<P>]: OptionOf<P> } {
  return Object.fromEntries(keys.map((key) => [optionOf(key), declared(key)])) as never;
}

function declared(key: Key): Options {
  const setting = settingOf(key);
  const { kind, describe, choices } = setting;
  const said = defaultText(key);
  const shared = { describe, ...(said !== undefined && { defaultDescription: said }) };
  if (kind === "flag") return { type: "boolean", ...shared };
  return { ...VALUE, ...shared, coerce: valueOf(optionOf(key), setting), ...(choices && { choices }) };
}

function defaultText(key: Key): string | undefined {
  const { kind, default: value } = settingOf(key);
  if (kind === "duration" && typeof value === "number") return durationText(value);
  return value === undefined || value === false || Array.isArray(value) ? undefined : String(value);
}

/** What is to be kept of the archives that there are. */
export const RETENTION = optionsOf(
  ...(["keepLast", "keepHourly", "keepDaily", "keepWeekly", "keepMonthly", "keepYearly"] as const),
  ...(["keepWithin", "keepLabel"] as const),
);

/** A secret never stands in an argument: everybody can read those. */
const PASSPHRASE = {
  passphrase: { type: "boolean", describe: "ask for the passphrase of an encrypted archive" },
  "passphrase-file": {
    ...VALUE,
    coerce: one("passphrase-file"),
    describe: "file whose first line is the passphrase of an encrypted archive",
  },
} as const satisfies Record<string, Options>;

/** What opens archives that are encrypted. */
export const UNLOCK = { ...optionsOf("identity"), ...PASSPHRASE } as const satisfies Record<string, Options>;

export const CREATE = {
  ...optionsOf("source", "profile", "output", "wait", "onlyConfig", "includeWorkspace", "exclude"),
  ...optionsOf("defaultExcludes", "excludeCaches", "strategy", "compress", "level", "label", "verify", "strict"),
  ...optionsOf("encryptTo"),
  ...PASSPHRASE,
  ...optionsOf("prune"),
  to: { ...optionsOf("destination").destination, coerce: one("to") },
  ...optionsOf("keepLocal"),
  ...RETENTION,
  background: { type: "boolean", describe: "freeze at normal priority, and go on at idle priority" },
  ...optionsOf("prometheus"),
  "dry-run": { type: "boolean", describe: "tell what would be archived, and do nothing" },
} as const satisfies Record<string, Options>;

export const STAGE = {
  ...optionsOf("source", "profile", "wait", "onlyConfig", "includeWorkspace", "exclude"),
  ...optionsOf("defaultExcludes", "excludeCaches", "strategy", "strict"),
} as const satisfies Record<string, Options>;

/** For commands that look into archives. */
export const ARCHIVE_DIRECTORY = {
  output: {
    ...VALUE,
    coerce: one("output"),
    describe: "the archive directory [default: those below ~/.local/share/holdstill]",
  },
} as const satisfies Record<string, Options>;

/** For commands that reach archives which another program keeps. */
export const REMOTE = {
  from: {
    ...VALUE,
    coerce: one("from"),
    describe: "archives that another program keeps: restic:REPOSITORY, rclone:REMOTE:PATH",
  },
} as const satisfies Record<string, Options>;

const { source, profile, output, wait, exclude, strategy, compress, level } = CREATE;

const SHELL = { ...VALUE, describe: "" } as const;

/** Of what was guarded before. */
const PUTTING_BACK = {
  "include-workspace": { type: "boolean", describe: "put workspaces back too; without, they stay as they are" },
  stop: {
    ...SHELL,
    coerce: one("stop"),
    describe: "shell command that stops the program before the state is exchanged",
  },
  start: { ...SHELL, coerce: one("start"), describe: "shell command that starts it again" },
  grace: {
    ...VALUE,
    coerce: duration("grace"),
    describe: "how long processes may take to let go of the state [default: 10s]",
  },
} as const satisfies Record<string, Options>;

export const GUARD = {
  ...{ source, profile, output, wait, exclude, "exclude-caches": CREATE["exclude-caches"] },
  ...{ strategy, compress, level },
  label: { ...CREATE.label, describe: "a word for the archive's name [default: pre-upgrade]" },
  "encrypt-to": CREATE["encrypt-to"],
  ...UNLOCK,
  ...PUTTING_BACK,
  "allow-incomplete": { type: "boolean", describe: "run the command though the snapshot lacks something" },
  probe: { ...SHELL, coerce: one("probe"), describe: "shell command that succeeds when the program works" },
  "probe-timeout": {
    ...VALUE,
    coerce: duration("probe-timeout"),
    describe: "how long it is tried [default: 60s]",
  },
  "probe-interval": {
    ...VALUE,
    coerce: duration("probe-interval"),
    describe: "how long between two tries [default: 2s]",
  },
  timeout: { ...VALUE, coerce: duration("timeout"), describe: "end the command after this long" },
  "rollback-command": {
    ...SHELL,
    coerce: one("rollback-command"),
    describe: "shell command that brings the old version back [default: by npm, for an OpenClaw of npm]",
  },
  // No default, which would be taken for what was said.
  rollback: {
    type: "boolean",
    defaultDescription: "true",
    describe: "go back on failure; --no-rollback leaves what is there",
  },
  "state-only": { type: "boolean", describe: "for resume: the program is left to you, and nothing is started" },
  yes: { type: "boolean", describe: "for clean: do not ask" },
} as const satisfies Record<string, Options>;

export const ROLLBACK = {
  "dry-run": { type: "boolean", describe: "tell what would be put back, and do nothing" },
  yes: { type: "boolean", describe: "do not ask" },
  output: { ...VALUE, coerce: one("output"), describe: "the archive directory, for `latest`" },
  ...UNLOCK,
  ...PUTTING_BACK,
} as const satisfies Record<string, Options>;

export const VERIFY = {
  all: { type: "boolean", describe: "every archive of the archive directory" },
  ...ARCHIVE_DIRECTORY,
  ...REMOTE,
  "read-data-subset": {
    ...VALUE,
    coerce: valueOf("read-data-subset", {
      kind: "text",
      like: { pattern: /^(\d{1,3}(\.\d+)?%|\d+\/\d+|\d+[kmgt]?)$/i, is: "5%, 1/10, 2G or the like" },
    }) as (given: unknown) => string,
    describe: "with --all --from restic:…: read this much of its data, e.g. 5%, 1/10 or 2G [default: 100%]",
  },
  ...UNLOCK,
} as const satisfies Record<string, Options>;

export const SHOW = {
  ...ARCHIVE_DIRECTORY,
  ...UNLOCK,
  proof: { type: "boolean", describe: "how each file was captured: digest, method, verdict, moment" },
  skipped: { type: "boolean", describe: "what is not in the archive, and why" },
} as const satisfies Record<string, Options>;

export const DIFF = {
  ...ARCHIVE_DIRECTORY,
  ...UNLOCK,
  live: { type: "boolean", describe: "compare with what is there now" },
} as const satisfies Record<string, Options>;

export const PRUNE = {
  ...RETENTION,
  ...ARCHIVE_DIRECTORY,
  ...REMOTE,
  wait: { ...optionsOf("wait").wait, describe: "wait this long for another run to end, e.g. 5m" },
  "dry-run": { type: "boolean", describe: "tell what would be removed, and remove nothing" },
} as const satisfies Record<string, Options>;

export const STATUS = {
  ...ARCHIVE_DIRECTORY,
  ...optionsOf("maxAge", "prometheus"),
} as const satisfies Record<string, Options>;

export const RESTORE = {
  target: { ...VALUE, coerce: one("target"), describe: "new or empty directory to restore into" },
  include: {
    ...VALUE,
    coerce: many("include"),
    describe: "restore only what matches, as in a .gitignore, repeatable",
  },
  exclude: { ...VALUE, coerce: many("exclude"), describe: "do not restore what matches, repeatable" },
  strip: { type: "boolean", describe: "leave out the absolute path that leads to what was backed up" },
  "keep-deliveries": {
    type: "boolean",
    describe: "keep leases and pending deliveries in the databases of an OpenClaw state",
  },
  "keep-setuid": { type: "boolean", describe: "keep setuid and setgid" },
  "dry-run": { type: "boolean", describe: "read the archive, tell what would be restored, and write nothing" },
  yes: { type: "boolean", describe: "do not ask before what an interrupted restore has left is removed" },
  output: { ...VALUE, coerce: one("output"), describe: "the archive directory, for `latest`" },
  ...REMOTE,
  ...UNLOCK,
} as const satisfies Record<string, Options>;

/** Which service manager is meant. */
export const SCOPE = {
  user: { type: "boolean", describe: "your own service manager" },
  system: { type: "boolean", describe: "the system's service manager" },
} as const satisfies Record<string, Options>;

export const SCHEDULE = {
  ...optionsOf("daily", "calendar", "randomizedDelay"),
  ...SCOPE,
  "run-as": { ...VALUE, coerce: one("run-as"), describe: "with --system: the user who runs it, whose state it is" },
  alarm: { ...VALUE, coerce: one("alarm"), describe: "shell command that is run when a backup has failed" },
  network: { type: "boolean", describe: "with --system: runs may reach the network, for hooks of theirs" },
} as const satisfies Record<string, Options>;

export const INSTALL = {
  now: { type: "boolean", describe: "start a first run at once" },
} as const satisfies Record<string, Options>;

export const PRINT = {
  "unit-dir": { ...VALUE, coerce: one("unit-dir"), describe: "write the units into this directory" },
  cron: { type: "boolean", describe: "a line for cron instead" },
} as const satisfies Record<string, Options>;

export const ALARM = {
  alarm: SCHEDULE.alarm,
} as const satisfies Record<string, Options>;
