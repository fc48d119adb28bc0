import { spawn } from "node:child_process";
import type { Event } from "../report/events.js";
import { advance, progressLine, type Progress } from "../report/progress.js";
import type { Shell } from "./shell.js";

/** A status is looked at by people. */
const APART_MS = 5_000;
const WIDTH = 120;

/**
 * Tells the service manager that started us how far the run is, for `systemctl status`. By a program: Node has no
 * datagram sockets of the kind that it listens on.
 */
export function notifier({ env, now }: Pick<Shell, "env" | "now">): (event: Event) => void {
  if (!env["NOTIFY_SOCKET"]) return () => {};
  let progress: Progress | undefined;
  let told = -Infinity;
  return (event) => {
    const time = now();
    progress = advance(progress, event, time);
    if (progress === undefined || event.type === "warning") return;
    if (event.type === "progress" && time - told < APART_MS) return;
    told = time;
    const status = `--status=${progressLine(progress, time, WIDTH)}`;
    // Where the program is missing nobody can be told, and the backup is not the worse for it.
    spawn("systemd-notify", [status], { env, stdio: "ignore" })
      .on("error", () => {})
      .unref();
  };
}
