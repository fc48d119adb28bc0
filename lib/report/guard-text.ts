import type { CleanReport } from "../guard-clean.js";
import type { ResumeReport } from "../guard-resume.js";
import type { GuardStatus, Held } from "../guard-status.js";
import type { GuardReport, GuardReturn, RollbackPlan, RollbackReport } from "./guard-report.js";
import { countText, sizeText } from "./size.js";

/** What `guard` did, for people. */
export function guardLines(report: GuardReport): string[] {
  const { outcome, archive, isGone, rollback } = report;
  switch (outcome) {
    case "succeeded":
      return [`holdstill: the command succeeded${isGone ? "" : `; the state before it is in ${archive}`}`];
    case "not-rolled-back":
      return [
        ...failureLines(report),
        "holdstill: nothing was put back (--no-rollback)",
        ...(isGone ? [] : [`The state before it is in ${archive}`, `To put that back: holdstill rollback ${archive}`]),
      ];
    default:
      return [
        ...failureLines(report),
        ...(rollback ? returnLines(rollback) : []),
        ...(rollback === undefined || isGone ? [] : [`The archive: ${archive}`]),
      ];
  }
}

/** Why the command counts as failed, and what the probe has said. */
function failureLines({ failure = "", probe }: GuardReport): string[] {
  return [`holdstill: ${failure}`, ...(probe === undefined || probe.ok ? [] : indented(probe.said))];
}

function indented(text: string): string[] {
  return text === "" ? [] : text.split("\n").map((line) => `  ${line}`);
}

/** How the state was put back, or what is to be done. */
export function returnLines({ ok, places, left, why = "", next }: GuardReturn): string[] {
  if (!ok) {
    const [first = "", ...more] = why.split("\n");
    return [`holdstill: it could not be rolled back: ${first}`, ...more.map((line) => `  ${line}`), next];
  }
  return [
    ...places.map(({ path }) => `holdstill: rolled back: ${path} is as it was`),
    ...places.flatMap(({ failed }) => (failed === undefined ? [] : [`What was there is kept: ${failed}`])),
    ...left.map((what) => `Not carried over: ${what}`),
    ...places
      .filter(({ how }) => how === "contents")
      .map(({ path }) => `Its contents were exchanged name by name: ${path}`),
    ...(places.some(({ failed }) => failed !== undefined) ? [`When that is needed no more: ${next}`] : []),
  ];
}

export function planLines({ archive, createdAt, places, files, bytes, carried }: RollbackPlan): string[] {
  return [
    `${archive}, of ${createdAt}, would be put back: ${countText(files, "file")}, ${sizeText(bytes)}`,
    ...places.map(({ path, failed, how }) =>
      how === "rename"
        ? `  ${path}; what is there now is kept as ${failed}`
        : `  ${path}, name by name, since it cannot be renamed; what is there now is kept in ${failed}`,
    ),
    ...(carried > 0
      ? [`Taken over from what is there now: ${countText(carried, "path")} that the archive leaves out.`]
      : []),
  ];
}

export function rollbackLines(report: RollbackReport): string[] {
  return report.outcome === "planned" ? planLines(report) : returnLines(report.rollback);
}

export function resumeLines({ outcome, finished, rollbacks }: ResumeReport): string[] {
  if (outcome === "nothing-to-do") return ["There is nothing to resume."];
  return [
    ...finished.map((id) => `Finished: the guarded command of ${id}; nothing had to be put back.`),
    ...rollbacks.flatMap(returnLines),
  ];
}

export function statusLines({ held, bytes, directories }: GuardStatus): string[] {
  if (held.length === 0) return [`Nothing is held in ${directories.join(", ")}`];
  const all = held.flatMap(heldLines);
  return bytes > 0 ? [...all, `In all: ${sizeText(bytes)}`] : all;
}

function heldLines({ id, kind, command, archive, trees, ...how }: Held): string[] {
  const what = kind === "guard" ? `guard -- ${command.join(" ")}` : "rollback";
  return [
    `${id}  ${what}: ${howFar(how)}`,
    ...(archive === "" ? [] : [`  ${archive}`]),
    ...trees.map(
      (tree) => `  ${tree.path}  ${sizeText(tree.bytes)}${tree.what === "failed" ? "" : ", a restore point"}`,
    ),
  ];
}

function howFar({ unfinished, phase, holder, resume }: Pick<Held, "unfinished" | "phase" | "holder" | "resume">) {
  if (!unfinished) return "rolled back";
  return holder === undefined
    ? `not finished (${phase}); on or back with: ${resume}`
    : `under way (${phase}): ${holder}`;
}

export function cleanLines({ removed, unfinished, bytes }: CleanReport): string[] {
  return [
    ...removed.map((each) => `Removed ${each.path}  ${sizeText(each.bytes)}`),
    ...unfinished.map((id) => `Kept what the guarded command of ${id} needs: it is not finished.`),
    removed.length === 0 ? "There was nothing to remove." : `${sizeText(bytes)} in all.`,
  ];
}
