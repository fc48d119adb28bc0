import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import type { ArgumentsCamelCase, InferredOptionTypes } from "yargs";
import { destinationOf, hasSecrets } from "../../destination.js";
import { HoldstillError } from "../../errors.js";
import type { ScheduleOptions } from "../../schedule/describe.js";
import type { Settings } from "../../config/settings.js";
import type { Surroundings } from "../../surroundings.js";
import { configured } from "../configured.js";
import { policyOf } from "../retention.js";
import type { UseCases } from "../use-cases.js";
import type { Scope } from "../../schedule/schedule.js";
import { carriedArguments } from "../carried.js";
import { CREATE, SCHEDULE, SHARED } from "../options.js";
import { optionsOf } from "./create.js";

/** Options that make no sense in a unit, where nobody can be asked for a passphrase, or that each unit has anyway. */
const { "dry-run": _, background: __, passphrase: ___, ...OF_CREATE } = CREATE;
const CARRIED = { ...OF_CREATE, config: SHARED.config };

export const DESCRIBED = { ...SHARED, ...CARRIED, ...SCHEDULE } as const;

type Arguments = ArgumentsCamelCase<InferredOptionTypes<typeof DESCRIBED>>;

const MAIN = fileURLToPath(new URL("../main.js", import.meta.url));

/** What `install` and `print` are to describe. */
export async function scheduleOptions(
  argv: Arguments,
  around: Surroundings,
  useCases: Pick<UseCases, "configure">,
): Promise<ScheduleOptions> {
  const scope = scopeOf(argv) ?? "user";
  if (scope === "system" && argv.runAs === undefined) {
    throw new HoldstillError("usage", "--system needs --run-as NAME", {
      hint: "Name the user whose state is backed up; root can read everything.",
    });
  }
  if (scope === "user" && argv.runAs !== undefined) {
    throw new HoldstillError("usage", "--run-as goes with --system: a user's own timer runs as that user");
  }
  const { settings, origins, file } = await configured({ ...argv, destination: argv.to }, around, useCases);
  const { from } = origins.destination;
  if (settings.destination !== undefined && hasSecrets(settings.destination) && from !== "file") {
    throw new HoldstillError("usage", "a unit can be read by all, and there is a secret in the destination", {
      hint: "Let rclone's own configuration or restic's environment have it, or the file that --config names.",
    });
  }
  const { output: _, prune: __, config: ___, ...others } = CARRIED;
  return {
    ...{ scope, runAs: argv.runAs, alarm: argv.alarm, network: argv.network === true },
    ...{ daily: settings.daily, calendar: settings.calendar, delayMs: settings.randomizedDelay },
    create: optionsOf(settings),
    ...{ config: file?.path, prometheus: settings.prometheus },
    destination: settings.destination === undefined ? undefined : destinationOf(settings.destination),
    carried: [
      ...carriedArguments(argv, others, around),
      ...(settings.prune || keepsSomething(settings) ? ["--prune"] : []),
    ],
    environment: Object.fromEntries(
      Object.values(origins).flatMap((origin) => {
        if (origin.from !== "environment") return [];
        return [[origin.variable, around.env[origin.variable] ?? ""]];
      }),
    ),
    program: [process.execPath, MAIN],
  };
}

/** Who has said what to keep wants the rest to go. */
function keepsSomething(settings: Settings): boolean {
  return Object.values(policyOf(settings)).some(
    (rule) => rule !== undefined && !(Array.isArray(rule) && rule.length === 0),
  );
}

/** Which service manager was named, if any. */
export function scopeOf({
  user,
  system,
}: {
  readonly user?: boolean | undefined;
  readonly system?: boolean | undefined;
}) {
  if (user && system) throw new HoldstillError("usage", "--user and --system do not go together");
  const scope: Scope | undefined = user ? "user" : system ? "system" : undefined;
  return scope;
}

export function absolute(path: string | undefined, cwd: string): string | undefined {
  return path === undefined ? undefined : posix.resolve(cwd, path);
}
