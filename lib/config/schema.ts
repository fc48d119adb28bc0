import { z } from "zod";
import { KEYS, SETTINGS, settingOf, type Setting } from "./settings.js";
import { DURATION, isWhat, shownText, UNLIMITED } from "./values.js";

/** The message for whatever is not what it should be. A value that may be a secret is not shown. */
function wrong(is: string, secret = false) {
  return {
    error: ({ input }: { readonly input?: unknown }) =>
      input === undefined ? `is missing: it is ${is}` : `is ${is}${secret ? "" : `, not ${shown(input)}`}`,
  };
}

/** The most of a wrong value that is shown. */
const SHOWN = 60;

function shown(value: unknown): string {
  if (value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  const text = typeof value === "string" ? shownText(JSON.stringify(value)) : JSON.stringify(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function section<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, wrong("a mapping of keys"));
}

function oneOrMany<Item extends z.ZodType>(item: Item, is: string) {
  return z.union([z.array(item, wrong(is)), item], wrong(is));
}

function text(is: string) {
  return z.string(wrong(is)).min(1, wrong(is));
}

function schemaOf(setting: Setting): z.ZodType {
  const { kind, choices, like, least = 0, most = 999_999_999, unlimited, describe } = setting;
  const is = isWhat(setting);
  const bare = (): z.ZodType => {
    if (choices !== undefined) return z.enum(choices, wrong(is));
    if (kind === "flag") return z.boolean(wrong(is));
    const count = z.int(wrong(is)).min(least, wrong(is)).max(most, wrong(is));
    if (unlimited) return z.union([count, z.enum([UNLIMITED], wrong(is)), z.literal(-1, wrong(is))], wrong(is));
    if (kind === "count") return count;
    if (kind === "duration") return duration(is);
    const one = (what: string) => (like === undefined ? text(what) : text(what).regex(like.pattern, wrong(is)));
    return kind === "texts" || kind === "paths" ? oneOrMany(one("a text"), is) : one(is);
  };
  return bare().describe(describe);
}

function duration(is = isWhat({ kind: "duration" })) {
  return z.union([z.string(wrong(is)).regex(DURATION, wrong(is)), z.literal(0, wrong(is))], wrong(is));
}

function settingsIn(place: Setting["section"]) {
  return Object.fromEntries(
    KEYS.filter((key) => settingOf(key).section === place).map((key) => [key, schemaOf(SETTINGS[key]).optional()]),
  );
}

const COMMAND = oneOrMany(text("a text"), "a command line, or a list of a program and its arguments").describe(
  "a command line for the shell, or a list of a program and its arguments",
);

/** The time that a hook may take where nothing else is said. */
export const HOOK_TIMEOUT = "1m";

const HOOK = z.union(
  [
    ...COMMAND.options,
    section({ command: COMMAND, timeout: duration().default(HOOK_TIMEOUT).describe("how long it may take") }),
  ],
  wrong("a command line, a list of a program and its arguments, or a mapping with command and timeout"),
);

const SECRET = "Secrets come from a file that only its owner may read, or from a systemd credential.";
const ADDRESS = "an address that begins with https:// or http://";

const NOTIFICATION = section({
  url: z
    .url({ protocol: /^https?$/, ...wrong(ADDRESS, true) })
    .optional()
    .describe("the address to call"),
  urlFile: text("a file").optional().describe(`the file whose first line is the address. ${SECRET}`),
  urlCredential: text("a name").optional().describe("the systemd credential whose first line is the address"),
  style: z
    .enum(["healthchecks", "plain"], wrong("one of healthchecks, plain"))
    .default("healthchecks")
    .describe("healthchecks: start, success and failure have addresses of their own; plain: one address for all"),
  timeout: duration().default("10s").describe("how long it may take"),
}).refine(({ url, urlFile, urlCredential }) => [url, urlFile, urlCredential].filter(isGiven).length === 1, {
  error: "has one of url, urlFile, urlCredential",
  // Together with whatever else is wrong in it.
  when: ({ value }) => typeof value === "object" && value !== null,
});

function isGiven(value: unknown): boolean {
  return value !== undefined;
}

/** The configuration file. */
export const SCHEMA = section({
  ...settingsIn(undefined),
  retention: section(settingsIn("retention")).optional().describe("which archives are kept"),
  schedule: section(settingsIn("schedule")).optional().describe("when backups are made"),
  status: section(settingsIn("status")).optional().describe("what counts as fresh"),
  hooks: section({
    before: HOOK.optional().describe("run before a backup"),
    success: HOOK.optional().describe("run after a complete backup"),
    incomplete: HOOK.optional().describe("run after a backup that is incomplete"),
    failure: HOOK.optional().describe("run after a backup that failed"),
  })
    .optional()
    .describe("commands that are run, with the JSON report on stdin"),
  notifications: oneOrMany(NOTIFICATION, "a notification or a list of them")
    .optional()
    .describe("addresses that are told of the outcome"),
});

/** JSON Schema, in the draft that editors know best. */
export function jsonSchema(): object {
  return z.toJSONSchema(SCHEMA, { target: "draft-7", io: "input" });
}
