import { LABEL } from "../archive/name.js";

/** What values a setting takes. A `path` may begin with `~/`; `texts` and `paths` are lists. */
export type Kind = "text" | "texts" | "path" | "paths" | "destination" | "flag" | "count" | "duration";

/**
 * One thing that can be set, declared once: its option, its key in the configuration file, its environment variable and
 * its default all come from here.
 */
export interface Setting {
  readonly kind: Kind;
  readonly describe: string;
  /** The values there are, of a text. */
  readonly choices?: readonly string[];
  /** What a text, or each of a list, has to look like, and how that is said. */
  readonly like?: { readonly pattern: RegExp; readonly is: string };
  /** What among paths is none. */
  readonly verbatim?: RegExp;
  /** The bounds of a count. */
  readonly least?: number;
  readonly most?: number;
  /** Whether a count may be `unlimited`, which is -1. */
  readonly unlimited?: true;
  readonly default?: string | boolean | number | readonly string[];
  /** The key that this one stands under in the configuration file; undefined for the top. */
  readonly section?: "retention" | "schedule" | "status";
}

const WORD = {
  pattern: LABEL,
  is: "up to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit",
};
const SPAN = {
  pattern: /^(?=.)(\d{1,5}y)?(\d{1,5}m)?(\d{1,5}d)?(\d{1,5}h)?$/,
  is: "a span of time such as 14d, 48h or 2y5m7d3h (m: months)",
};
/** Whoever may read a configuration would have the key as well. */
const NO_SECRET = /^(?!.*AGE-SECRET-KEY-)/is;
const RECIPIENT = { pattern: NO_SECRET, is: "a recipient (age1…), or a file of them, or a list of these" };
const KEY_FILE = { pattern: NO_SECRET, is: "a file, or a list of files" };
const DESTINATION = { pattern: /^(?:restic:|rclone:.)/, is: "restic:REPOSITORY or rclone:REMOTE:PATH" };
const TIME = { pattern: /^([01]?\d|2[0-3]):[0-5]\d$/, is: "a time of day, such as 03:00" };

export const SETTINGS = {
  source: { kind: "paths", describe: "directory to back up, repeatable [default: the OpenClaw state]" },
  profile: {
    kind: "text",
    choices: ["openclaw", "directory"],
    describe: "what kind of source it is [default: directory with --source, openclaw without]",
  },
  output: {
    kind: "path",
    describe: "archive directory, or the archive's own path [default: ~/.local/share/holdstill/PROFILE]",
  },
  destination: {
    kind: "destination",
    like: DESTINATION,
    describe: "where another program keeps it: restic:REPOSITORY, rclone:REMOTE:PATH",
  },
  keepLocal: {
    kind: "count",
    describe: "with rclone:…: remove all but N archives here that are there [default: keep all]",
  },
  wait: {
    kind: "duration",
    default: 0,
    describe: "wait this long for another run into the same directory to end, e.g. 5m",
  },
  onlyConfig: { kind: "flag", default: false, describe: "only OpenClaw's configuration" },
  includeWorkspace: {
    kind: "flag",
    default: true,
    describe: "OpenClaw's workspaces too; --no-include-workspace leaves them out",
  },
  exclude: {
    kind: "texts",
    default: [],
    describe: "leave out what matches, as in a .gitignore, repeatable",
  },
  defaultExcludes: {
    kind: "flag",
    default: true,
    describe: "the profile's own exclude rules; --no-default-excludes drops them",
  },
  excludeCaches: { kind: "flag", default: false, describe: "leave out directories with a CACHEDIR.TAG" },
  strategy: {
    kind: "text",
    choices: ["auto", "clone", "link", "copy"],
    default: "auto",
    describe: "how files are frozen: reflink, hard link, copy; auto is the first that works",
  },
  compress: {
    kind: "text",
    choices: ["auto", "zstd", "gzip", "none"],
    default: "auto",
    describe: "how the archive is compressed; auto is zstd where there is one",
  },
  level: {
    kind: "count",
    least: 1,
    most: 19,
    describe: "compression level: zstd 1-19 [default: 3], gzip 1-9 [default: 6]",
  },
  label: { kind: "text", like: WORD, describe: "a word for the archive's name, e.g. pre-upgrade" },
  verify: {
    kind: "flag",
    default: true,
    describe: "read the archive back before it is published; --no-verify does not",
  },
  encryptTo: {
    kind: "paths",
    verbatim: /^age1|^ssh-/i,
    like: RECIPIENT,
    default: [],
    describe: "encrypt to this age recipient (age1…), or to those in a file, repeatable",
  },
  identity: {
    kind: "paths",
    like: KEY_FILE,
    default: [],
    describe: "file with the age identity (secret key) that opens encrypted archives, repeatable",
  },
  strict: { kind: "flag", default: false, describe: "exit 3 also when files vanished meanwhile" },
  prune: {
    kind: "flag",
    default: false,
    describe: "remove old archives after a complete run, by the --keep options",
  },

  prometheus: { kind: "path", describe: "write metrics for node_exporter's textfile collector, e.g. x.prom" },

  keepLast: { kind: "count", unlimited: true, section: "retention", describe: "keep the newest N archives" },
  keepHourly: {
    kind: "count",
    unlimited: true,
    section: "retention",
    describe: "keep the newest archive of each of N hours",
  },
  keepDaily: {
    kind: "count",
    unlimited: true,
    section: "retention",
    describe: "keep the newest archive of each of N days",
  },
  keepWeekly: {
    kind: "count",
    unlimited: true,
    section: "retention",
    describe: "keep the newest archive of each of N weeks",
  },
  keepMonthly: {
    kind: "count",
    unlimited: true,
    section: "retention",
    describe: "keep the newest archive of each of N months",
  },
  keepYearly: {
    kind: "count",
    unlimited: true,
    section: "retention",
    describe: "keep the newest archive of each of N years",
  },
  keepWithin: {
    kind: "text",
    section: "retention",
    like: SPAN,
    describe: "keep every archive made within this period before the newest, e.g. 14d",
  },
  keepLabel: {
    kind: "texts",
    section: "retention",
    default: [],
    describe: "keep every archive with this label, repeatable",
  },

  daily: { kind: "text", section: "schedule", like: TIME, describe: "back up every day at this time, e.g. 03:00" },
  calendar: { kind: "text", section: "schedule", describe: "back up at these times, as systemd writes them" },
  randomizedDelay: {
    kind: "duration",
    section: "schedule",
    describe: "start up to this much later, by chance, e.g. 10m",
  },

  maxAge: {
    kind: "duration",
    section: "status",
    default: 26 * 3_600_000,
    describe: "how old the newest good archive may be, e.g. 26h",
  },
} as const satisfies Readonly<Record<string, Setting>>;

type Table = typeof SETTINGS;
export type Key = keyof Table;

interface Values {
  readonly text: string;
  readonly texts: readonly string[];
  readonly path: string;
  readonly paths: readonly string[];
  readonly destination: string;
  readonly flag: boolean;
  readonly count: number;
  /** Milliseconds. */
  readonly duration: number;
}

export type ValueOf<K extends Key> = Table[K] extends { readonly choices: readonly (infer C)[] }
  ? C
  : Values[Table[K]["kind"]];

/** All settings. Those without a default may be undefined. */
export type Settings = {
  readonly [K in Key]: ValueOf<K> | (Table[K] extends { readonly default: unknown } ? never : undefined);
};

/** What one place says: an option, a variable or a line. */
export type Given = { readonly [K in Key]?: ValueOf<K> };

export const KEYS = Object.keys(SETTINGS) as readonly Key[];

export function settingOf(key: Key): Setting {
  return SETTINGS[key];
}

/** `onlyConfig` as an option: `only-config`. */
export function optionOf(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `onlyConfig` as an environment variable: `HOLDSTILL_ONLY_CONFIG`. */
export function variableOf(key: string): string {
  return `HOLDSTILL_${optionOf(key).replaceAll("-", "_").toUpperCase()}`;
}

/** Where a setting stands in the configuration file. */
export function placeOf(key: Key): readonly string[] {
  const { section } = settingOf(key);
  return section === undefined ? [key] : [section, key];
}
