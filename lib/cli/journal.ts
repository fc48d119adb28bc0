import { fstatSync } from "node:fs";

/** Whether what a descriptor writes goes to the journal: systemd names the device and inode of that in the environment. */
export function isJournal(fd: number, stream: string | undefined): boolean {
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(fd);
  return stream === `${dev}:${ino}`;
}
