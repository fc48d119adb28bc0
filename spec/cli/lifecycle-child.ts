import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { runProcess } from "../../lib/cli/lifecycle.js";
import type { Shell } from "../../lib/cli/shell.js";

/** A process that ends in one of many ways: `lifecycle-child.js WAY FILE`, where FILE must not survive it. */
const [way = "", file = "", ...args] = process.argv.slice(2);

const WAYS: Readonly<Record<string, (shell: Shell) => Promise<number>>> = {
  finish: () => Promise.resolve(3),
  "never settle": () => new Promise(() => {}),
  "throw late": async () => {
    setImmediate(() => {
      throw new Error("late\x1b[31m");
    });
    return sleep(60_000, 0);
  },
  "reject unseen": async () => {
    void Promise.reject(new Error("unseen"));
    return sleep(60_000, 0);
  },
  reject: () => Promise.reject(new Error("rejected")),
  "throw after the end": async () => {
    setImmediate(() => {
      throw new Error("after the end");
    });
    return 0;
  },
  unwind: async ({ signal, terminal }) => {
    terminal.print(["ready"]);
    await sleep(60_000, undefined, { signal }).catch(() => {});
    const { code } = signal.reason as { code: string };
    return { interrupted: 130, terminated: 143 }[code] ?? 1;
  },
  "hear nothing": async ({ terminal, signal }) => {
    signal.addEventListener("abort", () => terminal.print(["heard"]));
    terminal.print(["ready"]);
    return sleep(60_000, 0);
  },
  "print a lot": async ({ terminal }) => {
    for (let i = 0; i < 1000; i += 1) {
      terminal.print(["x".repeat(1000)]);
      await sleep(0);
    }
    return 0;
  },
};

writeFileSync(file, "");
runProcess(args, (shell) => {
  shell.scratch.add(() => rmSync(file));
  return WAYS[way]?.(shell) ?? Promise.resolve(1);
});
