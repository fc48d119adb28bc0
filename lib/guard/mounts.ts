import { under, type Bytes } from "../bytes.js";
import type { Filesystem } from "../filesystem.js";
import { readProc } from "./proc.js";

/** A line of `/proc/PID/mountinfo`. */
export interface Mount {
  /** `major:minor` of the filesystem. */
  readonly device: string;
  /** What of the filesystem is mounted: `/` but for bind mounts and subvolumes. */
  readonly root: Bytes;
  readonly point: Bytes;
  readonly readOnly: boolean;
  /** Of the filesystem: `ext4`, `xfs`, … */
  readonly type: string;
}

/** Where a path leads, whatever it is called in which mount namespace. */
export interface Location {
  readonly device: string;
  /** Within the filesystem. */
  readonly path: Bytes;
}

/** Those that a process has; none where there is no /proc. */
export function mountsOf(fs: Filesystem, pid: number | "self" = "self"): Mount[] {
  return parseMounts(readProc(fs, `/proc/${pid}/mountinfo`) ?? "");
}

export function parseMounts(text: string): Mount[] {
  return text.split("\n").flatMap((line) => {
    const [, , device, root, point, options] = line.split(" ");
    if (device === undefined || root === undefined || point === undefined || options === undefined) return [];
    const [type = ""] = line.split(" - ")[1]?.split(" ") ?? [];
    return [{ device, root: plain(root), point: plain(point), readOnly: options.split(",").includes("ro"), type }];
  });
}

/** The kernel writes blanks and backslashes in octal. */
function plain(field: string): Bytes {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))) as Bytes;
}

export function isWithin(path: Bytes, directory: Bytes): boolean {
  return path === directory || path.startsWith(directory === "/" ? "/" : `${directory}/`);
}

/** The path below a directory in which it lies; `.` for the directory itself. */
export function relativeTo(directory: Bytes, path: Bytes): Bytes {
  if (path === directory) return "." as Bytes;
  return path.slice(directory === "/" ? 1 : directory.length + 1) as Bytes;
}

/** The mount that a path lies in; undefined where none holds it: in a process that has another root. */
export function mountOf(mounts: readonly Mount[], path: Bytes): Mount | undefined {
  const holding = mounts.filter(({ point }) => isWithin(path, point));
  // Of two at one place the later one covers the other.
  return holding.reduce<Mount | undefined>(
    (best, each) => (best !== undefined && best.point.length > each.point.length ? best : each),
    undefined,
  );
}

export function locate(mounts: readonly Mount[], path: Bytes): Location | undefined {
  const mount = mountOf(mounts, path);
  return mount && { device: mount.device, path: under(mount.root, relativeTo(mount.point, path)) };
}

/** Whether a path lies in a directory, by its name or by a mount that leads into it. */
export function leadsInto(mounts: readonly Mount[], path: Bytes, directory: Bytes): boolean {
  if (isWithin(path, directory)) return true;
  const [there, here] = [locate(mounts, path), locate(mounts, directory)];
  return there !== undefined && here !== undefined && there.device === here.device && isWithin(there.path, here.path);
}
