import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { RestoreReport } from "../../lib/report/restore-report.js";
import { PARTIAL } from "../../lib/restore/partial-mark.js";
import { restore } from "../../lib/restore.js";
import { restoreInto } from "../helpers/restored.js";
import { surroundings } from "../helpers/run.js";
import { contents } from "../helpers/tree.js";
import { marksOf } from "../helpers/untouched.js";
import { RESTORED, type UseCase } from "./sweep.js";
import { world } from "./use-cases.js";

/** A whole archive, restored to where nothing is. */
export async function restoreCase(): Promise<UseCase> {
  const place = await world(1);
  const { root, source, output, made } = place;
  const archive = join(output, made[0] ?? "");
  const target = join(root, RESTORED);
  const whole = contents(source);
  const remove = (): void => rmSync(join(root, "restored"), { recursive: true, force: true });
  let events: ReturnType<typeof surroundings>["events"] = [];
  let isWhole = false;
  return {
    name: "restore",
    world: {
      ...place,
      reset() {
        remove();
        place.reset();
      },
    },
    async run(fs) {
      const around = surroundings({ fs, homedir: root, cwd: root });
      events = around.events;
      // After one that failed, it is the same target again.
      if (isWhole) remove();
      isWhole = false;
      const report = await restore(restoreInto(target, { archive, strip: true }), around);
      isWhole = true;
      return report;
    },
    left() {
      const names = existsSync(target) ? readdirSync(target) : [];
      return names.length > 0 && !names.includes(PARTIAL)
        ? [`${names.join(", ")}: restored in part, and unmarked`]
        : [];
    },
    examine(result, gone) {
      const { failed, complete } = result as RestoreReport;
      const there = contents(target);
      const isRefused = (path: string): boolean => failed.some((each) => `${path}/`.startsWith(`${each.path}/`));
      const wrong: string[] = [];
      for (const [name, content] of Object.entries(whole)) {
        const path = name.replace(/\/$/, "");
        if (isRefused(path) || gone.includes(join(target, path))) continue;
        if (there[name] !== content) wrong.push(name in there ? `${path} is another` : `${path} is missing`);
        else if (gone.length === 0 && complete && looks(target, path) !== looks(source, path))
          wrong.push(`${path} looks ${looks(target, path)}, not ${looks(source, path)}`);
      }
      wrong.push(
        ...Object.keys(there)
          .filter((name) => !(name in whole))
          .map((name) => `${name} was not in the archive`),
      );
      if (complete !== (failed.length === 0)) wrong.push(`complete is ${complete}, ${failed.length} failed`);
      const warned = events.some(({ type }) => type === "warning");
      return { how: complete ? (warned ? "warned" : "said nothing") : "incomplete", wrong };
    },
  };
}

/** Mode, owner and time, as far as Node can set it. */
function looks(root: string, path: string): string {
  const [, mode, uid, gid, , , mtimeNs] = (marksOf(join(root, path), { ctime: false })["."] ?? "").split(" ");
  return [mode, uid, gid, mtimeNs?.slice(0, -3)].join(" ");
}
