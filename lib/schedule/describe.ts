import { posix } from "node:path";
import { bytesOf } from "../bytes.js";
import { hasSecrets, type Destination } from "../destination.js";
import { HoldstillError } from "../errors.js";
import type { CreateOptions } from "../prepare.js";
import { discover, looking } from "../profile/discover.js";
import type { ProfilePlan } from "../profile/plan.js";
import { isWithin } from "../profile/sources.js";
import type { Surroundings } from "../surroundings.js";
import { checkOutput, outputOf } from "../vault/output.js";
import { accountOf, ourselves, type Account } from "./account.js";
import { calendar, daily, USUAL_TIME } from "./calendar.js";
import type { Schedule, Scope, When } from "./schedule.js";

export interface ScheduleOptions {
  readonly scope: Scope;
  readonly runAs: string | undefined;
  readonly daily: string | undefined;
  readonly calendar: string | undefined;
  /** How far runs are spread; undefined for what suits the calendar. */
  readonly delayMs: number | undefined;
  /** Variables that say what options would. */
  readonly environment: Readonly<Record<string, string>>;
  /** A line for the shell, run when a backup has failed. */
  readonly alarm: string | undefined;
  readonly network: boolean;
  /** The configuration file that counts. */
  readonly config: string | undefined;
  /** Where metrics are written to. */
  readonly prometheus: string | undefined;
  /** Where another program keeps what is backed up. */
  readonly destination: Destination | undefined;
  readonly create: CreateOptions;
  /** The options of `create` as they were given, but for the configuration and the output. Paths are absolute. */
  readonly carried: readonly string[];
  /** Node and our own main file. */
  readonly program: readonly [string, string];
}

export interface Described {
  readonly schedule: Schedule;
  /** Who runs the backups; undefined where the machine knows no such user. */
  readonly account: Account | undefined;
  readonly directory: string;
  /** The directory of the metrics. */
  readonly metrics: string | undefined;
  readonly warnings: readonly string[];
}

/**
 * What a schedule for these options looks like on this machine. Writes nothing.
 * @throws HoldstillError `usage`, and what `create` would fail with: `source-missing`, `output-unusable`
 */
export async function describeSchedule(options: ScheduleOptions, around: Surroundings): Promise<Described> {
  const { scope, runAs, program, create, carried, config } = options;
  const when = await whenOf(options, around);
  const account = scope === "user" ? ourselves() : await accountOf(runAs ?? "", around.env);
  const environment = { ...openclawVariables(around), ...engineVariables(options, around) };
  const place = placeOf(options, account, environment, around);
  const plan = discover(create, place);
  const output = outputOf(create.output, plan.profile, create.compress, place);
  if (output.file !== undefined) {
    throw new HoldstillError("usage", "a schedule makes many archives, and this is the name of one", {
      path: posix.join(output.directory, output.file.name),
      hint: "Give a directory as --output.",
    });
  }
  const { directory } = output;
  const sources = plan.sources.map(({ path }) => path);
  checkOutput(around.fs, output, sources);
  const alarm = options.alarm === undefined ? [] : [`--alarm=${options.alarm}`];
  const configured = config === undefined ? [] : [`--config=${config}`];
  const metrics = options.prometheus === undefined ? [] : [directoryOf(options.prometheus, around)];
  const local = localDirectory(options, around);
  const isRemote = options.destination !== undefined && local.length === 0;
  return {
    account,
    directory,
    metrics: metrics[0],
    warnings: [...plan.problems, ...warningsOf(options, account), ...secretWarnings(options, around)],
    schedule: {
      environment: { ...environment, ...options.environment },
      ...{ scope, runAs, when, sources, network: options.network || isRemote },
      command: [...program, "create", ...configured, ...carried, `--output=${directory}`, "--background"],
      alarm: [...program, "schedule", "alarm", `--${scope}`, ...configured, ...alarm],
      writable: outermost([...stageMounts(plan, account, around), directory, ...metrics, ...local]),
      usesTmp: [...sources, directory, ...metrics, ...local, ...program].some((path) =>
        TMP.some((tmp) => isWithin(path, tmp)),
      ),
    },
  };
}

/** A destination that is a directory of this machine; what it is to anybody else is in its address. */
function localDirectory({ destination }: ScheduleOptions, { env }: Surroundings): string[] {
  const directory =
    destination?.engine === "restic" ? (destination.repository ?? env["RESTIC_REPOSITORY"]) : destination?.directory;
  return directory?.startsWith("/") === true ? [directory] : [];
}

/** What says to an engine where its secrets and settings are; the secrets themselves would be open to all in a unit. */
const ENGINE_VARIABLES: Readonly<Record<Destination["engine"], readonly string[]>> = {
  restic: [
    "RESTIC_REPOSITORY",
    "RESTIC_REPOSITORY_FILE",
    "RESTIC_PASSWORD_FILE",
    "RESTIC_PASSWORD_COMMAND",
    "RESTIC_HOST",
  ],
  rclone: ["RCLONE_CONFIG"],
};

function engineVariables({ destination, scope }: ScheduleOptions, { env }: Surroundings): Record<string, string> {
  if (destination === undefined) return {};
  const given = ENGINE_VARIABLES[destination.engine].flatMap((name) => {
    const value = env[name];
    if (name === "RESTIC_REPOSITORY" && (!isByEnvironment(destination) || hasSecrets(value ?? ""))) return [];
    return value ? [[name, value] as const] : [];
  });
  // Homes are read-only in the sandbox.
  const cache = { RESTIC_CACHE_DIR: "/var/cache/holdstill/restic" };
  return { ...Object.fromEntries(given), ...(destination.engine === "restic" && scope === "system" ? cache : {}) };
}

/** Whether restic's own variables say where its repository is. */
function isByEnvironment(destination: Destination): boolean {
  return destination.engine === "restic" && destination.repository === undefined;
}

function secretWarnings({ destination }: ScheduleOptions, { env }: Surroundings): string[] {
  if (destination?.engine !== "restic") return [];
  const secrets = [
    ...(isByEnvironment(destination) && hasSecrets(env["RESTIC_REPOSITORY"] ?? "") ? ["RESTIC_REPOSITORY"] : []),
    ...(env["RESTIC_PASSWORD"] ? ["RESTIC_PASSWORD"] : []),
  ];
  return secrets.map(
    (name) => `${name} is not written into the unit, where all could read it: set ${name}_FILE instead`,
  );
}

/** The directory of the metrics has to be there: its owner and mode are for those who read them. */
function directoryOf(prometheus: string, { fs, cwd }: Surroundings): string {
  const path = posix.resolve(cwd, prometheus);
  const directory = posix.dirname(path);
  if (looking(fs).kind(directory) === "directory") return directory;
  throw new HoldstillError("output-unusable", "there is no such directory for metrics", {
    path: directory,
    hint: "Make it first, so that who makes the backups can write to it and the collector can read it.",
  });
}

const TMP = ["/tmp", "/var/tmp"];

async function whenOf({ daily: time, calendar: spec, delayMs }: ScheduleOptions, { env }: Surroundings): Promise<When> {
  const delay = delayMs === undefined ? undefined : Math.ceil(delayMs / 1000);
  if (spec === undefined) return { ...daily(time ?? USUAL_TIME), delay };
  if (time !== undefined) throw new HoldstillError("usage", "--daily and --calendar do not go together");
  return { ...(await calendar(spec, env)), delay };
}

/** What OpenClaw finds its state by, made independent of where we are. */
const OPENCLAW_PATHS = [
  "OPENCLAW_HOME",
  "OPENCLAW_STATE_DIR",
  "OPENCLAW_CONFIG_PATH",
  "OPENCLAW_OAUTH_DIR",
  "OPENCLAW_WORKSPACE_DIR",
];

function openclawVariables({ env, cwd }: Surroundings): Record<string, string> {
  const given = [...OPENCLAW_PATHS, "OPENCLAW_PROFILE"].flatMap((name) => {
    const value = env[name]?.trim();
    return value ? [[name, value] as const] : [];
  });
  const isRelative = (name: string, value: string) => OPENCLAW_PATHS.includes(name) && !/^(?:~$|~\/|\/)/.test(value);
  return Object.fromEntries(
    given.map(([name, value]) => [name, isRelative(name, value) ? posix.resolve(cwd, value) : value]),
  );
}

/** The world as a run will see it. */
function placeOf(
  { scope, runAs }: ScheduleOptions,
  account: Account | undefined,
  environment: Readonly<Record<string, string>>,
  around: Surroundings,
): Surroundings {
  if (scope === "user") return around;
  const homedir = account?.home ?? posix.join("/home", runAs ?? "");
  return { ...around, homedir, env: { ...environment, HOME: homedir } };
}

/** For each source the directory that holds both it and its stage. */
function stageMounts(plan: ProfilePlan, account: Account | undefined, { fs }: Surroundings): string[] {
  return plan.sources.map(({ path, type }) => {
    const root = type === "file" ? posix.dirname(path) : path;
    const parent = posix.dirname(root);
    const [inner, outer] = [root, parent].map((directory) => fs.lstat(bytesOf(directory)));
    if (inner === undefined || outer === undefined || parent === "/" || inner.dev !== outer.dev) return root;
    const uid = account?.uid ?? inner.uid;
    return uid === 0 || (outer.uid === uid && (outer.mode & 0o200) !== 0) ? parent : root;
  });
}

function outermost(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  return unique.filter((path, index) => !unique.slice(0, index).some((outer) => isWithin(path, outer)));
}

function warningsOf({ runAs, program }: ScheduleOptions, account: Account | undefined): string[] {
  return [
    ...(account === undefined ? [`there is no user ${runAs ?? ""} on this machine`] : []),
    ...(program.some((path) => path.includes("/_npx/"))
      ? ["holdstill runs from the cache of npx, which npm may empty: npm install --global holdstill"]
      : []),
  ];
}
