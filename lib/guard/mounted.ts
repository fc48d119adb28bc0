import { textOf, type Bytes } from "../bytes.js";
import { HoldstillError } from "../errors.js";
import type { Journal, Mounted, Place } from "./journal.js";
import { mountOf, mountsOf, type Mount } from "./mounts.js";
import { resumeCommand, type Work } from "./work.js";

/** The mounts that places lie in. The root is always there. */
export function mountedFor(mounts: readonly Mount[], places: readonly Place[]): Mounted[] {
  const found = new Map<Bytes, Mounted>();
  for (const { live } of places) {
    const mount = mountOf(mounts, live);
    if (mount !== undefined && mount.point !== "/") found.set(mount.point, { ...mount, path: live });
  }
  return [...found.values()].map(({ point, device, path }) => ({ point, device, path }));
}

/**
 * Refuses to put a state back on another disk, where its own is not mounted, as after a reboot: what is mounted later
 * would cover it. A mount is known by its point, since devices have other numbers after a reboot; or by its device, since
 * a service may see mounts of its own.
 * @throws HoldstillError `io`
 */
export function assertMounted(work: Work, journal: Pick<Journal, "mounts">): void {
  const missing = missingOf(work, journal);
  if (missing === undefined) return;
  throw new HoldstillError("io", "nothing was moved, since the disk of the state is not mounted", {
    path: textOf(missing),
    hint: `Mount it, and then: ${resumeCommand(work)}`,
  });
}

export function isMounted(work: Work, journal: Pick<Journal, "mounts">): boolean {
  return missingOf(work, journal) === undefined;
}

function missingOf(work: Work, journal: Pick<Journal, "mounts">): Bytes | undefined {
  const now = mountsOf(work.fs, work.pid);
  const isThere = ({ point, device, path }: Mounted): boolean =>
    now.some((mount) => mount.point === point) || mountOf(now, path)?.device === device;
  return journal.mounts.find((each) => !isThere(each))?.point;
}
