import { HoldstillError } from "../errors.js";

/** A span of the calendar, as in `2y5m7d3h`: how long a month is depends on when it ends. */
export interface Span {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly hours: number;
}

/** Local time: minutes east of UTC at a moment, which is in milliseconds of the epoch. */
export type Offset = (ms: number) => number;

const SPAN = /^(?:(\d{1,5})y)?(?:(\d{1,5})m)?(?:(\d{1,5})d)?(?:(\d{1,5})h)?$/;
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** @throws HoldstillError `usage` */
export function parseSpan(text: string): Span {
  const match = text === "" ? null : SPAN.exec(text);
  if (match === null) {
    throw new HoldstillError("usage", `a span of time is written like 14d, 48h or 2y5m7d3h, not ${text}`, {
      hint: "Years, months, days and hours, in this order; m stands for months.",
    });
  }
  const [years = 0, months = 0, days = 0, hours = 0] = match.slice(1).map((digits) => Number(digits ?? 0));
  return { years, months, days, hours };
}

export function spanText({ years, months, days, hours }: Span): string {
  const parts = [`${years}y`, `${months}m`, `${days}d`, `${hours}h`].filter((part) => !part.startsWith("0"));
  return parts.length > 0 ? parts.join("") : "0h";
}

export function isNothing({ years, months, days, hours }: Span): boolean {
  return years + months + days + hours === 0;
}

/** What the clock on the wall shows: to be read with the UTC methods of a date. */
export function wallClock(ms: number, offset: Offset): Date {
  return new Date(ms + offset(ms) * MINUTE);
}

/**
 * The moment that lies a span before another: years, months and days by the calendar (a month before 31 March is
 * 3 March, since there is no 31 February), hours by the clock.
 */
export function before(ms: number, { years, months, days, hours }: Span, offset: Offset): number {
  const wall = wallClock(ms, offset);
  wall.setUTCFullYear(wall.getUTCFullYear() - years, wall.getUTCMonth() - months, wall.getUTCDate() - days);
  return momentOf(wall.getTime(), offset) - hours * HOUR;
}

/** When the clock on the wall shows a time: one of both moments where it does so twice. */
function momentOf(wall: number, offset: Offset): number {
  const near = wall - offset(wall) * MINUTE;
  return wall - offset(near) * MINUTE;
}
