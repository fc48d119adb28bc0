import { HoldstillError } from "../errors.js";
import { runProgram } from "../run-program.js";
import { ourselves } from "./account.js";
import type { Scope } from "./schedule.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** The service manager of a scope. */
export interface Manager {
  readonly scope: Scope;
  /** Runs `systemctl`; resolves to what it printed. */
  readonly systemctl: (...args: readonly string[]) => Promise<string>;
  /** The properties of a unit. Times are in UTC, as `timeOf` reads them. */
  readonly show: (unit: string, ...properties: readonly string[]) => Promise<Properties>;
}

export type Properties = Readonly<Record<string, string>>;

/**
 * Reaches the manager of a scope.
 * @throws HoldstillError `usage` where there is none
 */
export async function manager(scope: Scope, env: Environment): Promise<Manager> {
  const made = unchecked(scope, env);
  try {
    await made.systemctl("show", "--property=Version", "--value");
  } catch (error) {
    if (!(error instanceof HoldstillError)) throw error;
    throw new HoldstillError("usage", `no service manager can be reached: ${error.message}`, {
      hint:
        scope === "user"
          ? "It runs while you are logged in, or always after loginctl enable-linger. Else use --system --run-as NAME; " +
            "without systemd, holdstill schedule print --cron."
          : "For a machine without systemd: holdstill schedule print --cron",
      cause: error,
    });
  }
  return made;
}

function unchecked(scope: Scope, env: Environment): Manager {
  const all = environment(scope, env);
  async function systemctl(...args: readonly string[]): Promise<string> {
    const ended = await runProgram("systemctl", [`--${scope}`, "--no-pager", "--no-ask-password", ...args], {
      env: all,
    });
    if (ended === undefined) throw new HoldstillError("io", "there is no systemctl here");
    if (ended.exitCode === 0) return ended.out;
    throw new HoldstillError("io", `systemctl ${args[0] ?? ""} failed: ${said(ended.err, ended.exitCode)}`);
  }
  async function show(unit: string, ...properties: readonly string[]): Promise<Properties> {
    return propertiesOf(await systemctl("show", `--property=${properties.join(",")}`, "--", unit));
  }
  return { scope, systemctl, show };
}

/** What `su` and cron do not set: without it the user's manager is not found. */
export function environment(scope: Scope, env: Environment): Environment {
  const plain = { ...env, LC_ALL: "C", TZ: "UTC", SYSTEMD_COLORS: "0", SYSTEMD_URLIFY: "0" };
  if (scope === "system" || env["XDG_RUNTIME_DIR"]) return plain;
  return { ...plain, XDG_RUNTIME_DIR: `/run/user/${ourselves().uid}` };
}

function said(err: string, exitCode: number): string {
  return err.trim().replaceAll(/\s*\n\s*/g, "; ") || `exit code ${exitCode}`;
}

/** `Name=value`, line by line. */
export function propertiesOf(text: string): Properties {
  return Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const at = line.indexOf("=");
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)]] : [];
    }),
  );
}

/** `Wed 2026-11-25 03:00:00 UTC` as milliseconds of the epoch; undefined for `n/a` and nothing. */
export function timeOf(text: string | undefined): number | undefined {
  const [, date, time] = /^\w{3} (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC$/.exec(text ?? "") ?? [];
  return date === undefined || time === undefined ? undefined : Date.parse(`${date}T${time}Z`);
}
