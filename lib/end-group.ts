import { kill } from "node:process";
import { isErrno } from "./errors.js";

/** Kills a process with all in the group that it leads; nothing where none was started, or it is gone. */
export function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    kill(-pid, "SIGKILL");
  } catch (error) {
    if (!isErrno(error, "ESRCH", "EPERM")) throw error;
  }
}
