import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import fs from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Between the two an operation happened: milliseconds of the epoch. */
type Moment = readonly [before: number, after: number];

/** One session file, whatever its name; its lines are `{"id","n"}` with n from 0. */
interface Session {
  readonly id: string;
  readonly born: Moment;
  died?: Moment;
  /** When each line was written whole. */
  readonly lines: Moment[];
}

/** What the writer did so far. */
export type SessionRecord = readonly Session[];

export interface SessionWriter {
  readonly record: () => Promise<SessionRecord>;
  readonly stop: () => Promise<void>;
}

export interface Judged {
  /** Session files in the backup. */
  readonly found: number;
  /** Those that were there from before the run until after it. */
  readonly livedThrough: number;
  /** Each a sentence that begins with the file. */
  readonly faults: readonly string[];
}

const PROGRAM = fileURLToPath(import.meta.url);
const OPS_PER_SECOND = 300;
const NAME = /^([0-9a-f-]{36})\.jsonl(?:\.(?:deleted|reset)\.\d+)?$/;

/**
 * Fills a directory with session files as OpenClaw kept them up to 2026.7, and lets another process go on with them:
 * appends, some of them in two writes, new sessions, removed ones, and ones set aside under another name.
 */
export async function startSessions(directory: string, files: number): Promise<SessionWriter> {
  const child = fork(PROGRAM, [directory, String(files)]);
  const exit = once(child, "exit");
  await once(child, "message");
  return {
    async record() {
      child.send("record");
      const [record] = (await once(child, "message")) as [SessionRecord];
      return record;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await exit;
    },
  };
}

/** Holds what a backup gave back of the directory against the record of what was in it while the backup ran. */
export function judgeSessions(
  record: SessionRecord,
  run: { readonly from: number; readonly to: number },
  directory: string,
): Judged {
  const sessions = new Map(record.map((session) => [session.id, session]));
  const found = new Set<string>();
  const faults: string[] = [];
  for (const name of fs.readdirSync(directory)) {
    const id = NAME.exec(name)?.[1];
    if (id === undefined) continue;
    const session = sessions.get(id);
    if (session === undefined) {
      faults.push(`${name}: there never was such a file`);
      continue;
    }
    found.add(id);
    const fault = faultIn(fs.readFileSync(join(directory, name), "utf8"), session, run);
    if (fault !== undefined) faults.push(`${name}: ${fault}`);
  }
  const lived = record.filter(({ born, died }) => born[1] < run.from && (died === undefined || died[0] > run.to));
  for (const { id } of lived) if (!found.has(id)) faults.push(`${id}.jsonl: was there all the time and is missing`);
  return { found: found.size, livedThrough: lived.length, faults };
}

function faultIn(
  text: string,
  { id, lines }: Session,
  run: { readonly from: number; readonly to: number },
): string | undefined {
  const rows = text.split("\n");
  if (rows.pop() !== "") return "ends in the middle of a line";
  const wrong = rows.findIndex((row, n) => row !== lineOf(id, n).trimEnd());
  if (wrong >= 0) return `line ${wrong + 1} is not what was written`;
  const least = lines.filter(([, after]) => after < run.from).length;
  const most = lines.filter(([before]) => before <= run.to).length;
  return rows.length < least || rows.length > most ? `has ${rows.length} lines, not ${least} to ${most}` : undefined;
}

function lineOf(id: string, n: number): string {
  return `${JSON.stringify({ id, n, text: "the gateway said and went on ".repeat(1 + (n % 20)) })}\n`;
}

if (process.argv[1] === PROGRAM) {
  const [directory = "", files = "0"] = process.argv.slice(2);
  const record: Session[] = [];
  /** Those that are appended to. */
  const live: Session[] = [];
  const moment = (act: () => void): Moment => {
    const before = Date.now();
    act();
    return [before, Date.now()];
  };
  const pathOf = ({ id }: Session): string => join(directory, `${id}.jsonl`);
  const create = (): void => {
    const id = randomUUID();
    const born = moment(() => fs.writeFileSync(join(directory, `${id}.jsonl`), lineOf(id, 0), { mode: 0o600 }));
    const session = { id, born, lines: [born] };
    record.push(session);
    live.push(session);
  };
  const pick = (): number => Math.floor(Math.random() * live.length);
  const take = (): Session[] => live.splice(pick(), 1);

  /** Second halves of lines, due at the next turn; till then the session is left alone. */
  const halves: (() => void)[] = [];
  const operate = (): void => {
    const chance = Math.random();
    if (chance < 0.75) {
      const session = live[pick()];
      if (!session) return;
      session.lines.push(moment(() => fs.appendFileSync(pathOf(session), lineOf(session.id, session.lines.length))));
    } else if (chance < 0.92) {
      const [session] = take();
      if (!session) return;
      const line = lineOf(session.id, session.lines.length);
      const middle = line.length >> 1;
      fs.appendFileSync(pathOf(session), line.slice(0, middle));
      halves.push(() => {
        session.lines.push(moment(() => fs.appendFileSync(pathOf(session), line.slice(middle))));
        live.push(session);
      });
    } else if (chance < 0.96) create();
    else if (chance < 0.98) for (const session of take()) session.died = moment(() => fs.unlinkSync(pathOf(session)));
    else {
      const aside = chance < 0.99 ? "deleted" : "reset";
      for (const session of take()) fs.renameSync(pathOf(session), `${pathOf(session)}.${aside}.${Date.now()}`);
    }
  };

  while (record.length < Number(files)) create();
  const started = Date.now();
  let operations = 0;
  const turns = setInterval(() => {
    for (const half of halves.splice(0)) half();
    const due = Math.min(operations + 100, ((Date.now() - started) / 1000) * OPS_PER_SECOND);
    while (operations < due) {
      operate();
      operations++;
    }
  }, 2);
  process.on("message", () => process.send?.(record));
  process.on("disconnect", () => clearInterval(turns));
  process.send?.("running");
}
