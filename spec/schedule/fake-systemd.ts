import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpDirectory } from "../helpers/tree.js";

export interface FakeSystemd {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What it was asked to do, but for what it was only asked about. */
  readonly asked: () => string[];
}

/**
 * Programs of systemd in front of the PATH, whose answers a spec gives by the first word after the options. A program
 * without answers is missing, as where there is no systemd.
 */
export function fakeSystemd(systemctl: Readonly<Record<string, string>>, loginctl = "yes"): FakeSystemd {
  const directory = tmpDirectory();
  const log = join(directory, "log");
  const cases = Object.entries(systemctl).map(([word, answer]) => `${word}) ${answer} ;;`);
  const program = (name: string, lines: readonly string[]): void => {
    writeFileSync(join(directory, name), ["#!/bin/sh", ...lines, ""].join("\n"));
    chmodSync(join(directory, name), 0o755);
  };
  program("systemctl", [
    "scope=$1; shift 3",
    `[ "$1" = show ] || echo "$scope $*" >> '${log}'`,
    'case "$*" in',
    ...cases,
    "*) ;;",
    "esac",
  ]);
  program("loginctl", [`echo ${loginctl}`]);
  return {
    env: { PATH: `${directory}:${process.env["PATH"]}` },
    asked: () => (existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : []),
  };
}
