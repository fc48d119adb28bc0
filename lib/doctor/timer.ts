import { HoldstillError } from "../errors.js";
import { lastRunText } from "../report/schedule-text.js";
import { scheduleStatus } from "../schedule/status.js";
import type { Surroundings } from "../surroundings.js";
import { findings, type Finding } from "./finding.js";

const found = findings("timer");

const ARM = "holdstill schedule install";
/** The only thing that a schedule's status warns of. */
const LINGER = "loginctl enable-linger; or holdstill schedule install --system --run-as NAME";

/** Whether backups are made without anybody thinking of them. */
export async function checkTimer(around: Surroundings): Promise<Finding[]> {
  try {
    const { units, armed, lastRun, warnings } = await scheduleStatus(undefined, around);
    if (units.length === 0) {
      return [
        found(
          "warn",
          "nothing is scheduled here by holdstill",
          `${ARM}; without systemd: holdstill schedule print --cron`,
        ),
      ];
    }
    const failed = lastRun !== null && lastRun.ended !== null && lastRun.result !== "success";
    return [
      armed ? found("ok", "the timer is armed") : found("bad", "the timer is not armed", ARM),
      ...(failed ? [found("bad", lastRunText(lastRun), "journalctl --unit holdstill.service")] : []),
      ...warnings.map((text) => found("warn", text, LINGER)),
    ];
  } catch (error) {
    if (!(error instanceof HoldstillError)) throw error;
    return [found("bad", error.message, error.hint)];
  }
}
