import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Place, Program } from "./openclaw-program.js";

/** A gateway as a service of its own, that command lines start and stop. */
export interface Service {
  readonly start: string;
  readonly stop: string;
  /** Succeeds while it is healthy. */
  readonly probe: string;
  /** A directory for PATH, with `openclaw` in it. */
  readonly bin: string;
}

/** Writes what a service manager would know of a gateway. */
export function gatewayService({ node, openclaw }: Program, { home }: Place): Service {
  const bin = join(home, "bin");
  mkdirSync(bin, { recursive: true });
  const script = (name: string, lines: readonly string[]): string => {
    const path = join(bin, name);
    writeFileSync(path, ["#!/bin/sh", ...lines, ""].join("\n"));
    chmodSync(path, 0o755);
    return path;
  };
  const [log, pid] = [join(home, "service.log"), join(home, "service.pid")];
  script("openclaw", [`exec ${node} ${openclaw} "$@"`]);
  return {
    bin,
    probe: `${node} ${openclaw} health --json`,
    start: script("start-gateway", [
      `setsid ${node} ${openclaw} gateway run >${log} 2>&1 </dev/null &`,
      `echo $! >${pid}`,
      `while ! grep -q '\\[gateway\\] ready' ${log}; do`,
      `  kill -0 "$(cat ${pid})" || exit 1`,
      "  sleep 0.2",
      "done",
    ]),
    stop: script("stop-gateway", [
      `[ -e ${pid} ] || exit 0`,
      `kill -TERM "$(cat ${pid})"`,
      `while kill -0 "$(cat ${pid})" 2>/dev/null; do sleep 0.1; done`,
      `rm ${pid}`,
    ]),
  };
}
