import { HoldstillError } from "../errors.js";

const CONTROL = /\p{Cc}/u;
const PLAIN = /^[\w@%+:,./$=-]+$/;

/** An argument of `ExecStart=`: exactly this text reaches the program. */
export function execWord(text: string): string {
  return settingWord(text).replaceAll("$", "$$$$");
}

/** A word of a setting in which variables mean nothing: a path, an assignment of `Environment=`. */
export function settingWord(text: string): string {
  refuseControl(text);
  const specified = text.replaceAll("%", "%%");
  return PLAIN.test(specified) ? specified : `"${specified.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** An argument in a line of a crontab, where `%` ends the command. */
export function cronWord(text: string): string {
  refuseControl(text);
  const quoted = /^[\w@%+:,./=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
  return quoted.replaceAll("%", "\\%");
}

function refuseControl(text: string): void {
  if (!CONTROL.test(text)) return;
  throw new HoldstillError("usage", "line breaks and control characters cannot stand in a schedule", {
    path: text,
    hint: "Rename it, or reach it by a symbolic link without them.",
  });
}
