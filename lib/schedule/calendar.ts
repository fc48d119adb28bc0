import { HoldstillError } from "../errors.js";
import { runProgram } from "../run-program.js";
import { DAY, type When } from "./schedule.js";

export const USUAL_TIME = "03:00";

/** What a unit's line can hold without meaning anything else. */
const CALENDAR = /^[\w*:,./~ +-]+$/;
const LOOKED_AT = 8;

type Environment = Readonly<Record<string, string | undefined>>;

/** A time of the day, `03:00`. */
export function daily(time: string): When {
  const [, hour, minute] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(time) ?? [];
  if (hour === undefined || minute === undefined) {
    throw new HoldstillError("usage", `--daily is a time of the day such as 03:00, not ${time}`);
  }
  const calendar = `*-*-* ${hour.padStart(2, "0")}:${minute}:00`;
  return { calendar, daily: { hour: Number(hour), minute: Number(minute) }, period: DAY, delay: undefined };
}

/**
 * A calendar in systemd's words, which systemd itself judges where it is to be had.
 * @throws HoldstillError `usage` where it means nothing, or never comes
 */
export async function calendar(spec: string, env: Environment): Promise<When> {
  if (!CALENDAR.test(spec)) throw meaningless(spec, undefined);
  const args = ["calendar", `--iterations=${LOOKED_AT}`, "--", spec];
  const ended = await runProgram("systemd-analyze", args, { env: { ...env, LC_ALL: "C", TZ: "UTC" } });
  if (ended !== undefined && ended.exitCode !== 0) throw meaningless(spec, ended.err.trim());
  const times = ended === undefined ? [] : elapsesOf(ended.out);
  if (ended !== undefined && times.length === 0) throw meaningless(spec, "it never comes again");
  return { calendar: spec, daily: undefined, period: shortestGap(times), delay: undefined };
}

function elapsesOf(out: string): number[] {
  return [...out.matchAll(/^\s*(?:Next elapse|Iter\. #\d+): \w{3} (\S+ \S+) UTC$/gm)].map(([, time = ""]) =>
    Date.parse(`${time.replace(" ", "T")}Z`),
  );
}

function shortestGap(times: readonly number[]): number | undefined {
  const gaps = times.slice(1).map((time, index) => (time - (times[index] ?? time)) / 1000);
  return gaps.length > 0 ? Math.min(...gaps) : undefined;
}

function meaningless(spec: string, why: string | undefined): HoldstillError {
  return new HoldstillError("usage", `--calendar does not know ${spec}${why ? `: ${why}` : ""}`, {
    hint: "Examples: `hourly`, `Mon..Fri 03:00`, `*-*-* 00/6:00`. All of it: man systemd.time",
  });
}
