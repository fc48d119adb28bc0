import { Document, isMap, isScalar, type YAMLMap } from "yaml";
import type { Effective, Origin } from "./effective.js";
import type { Hook, Notification } from "./parse.js";
import { KEYS, placeOf, settingOf, type Key } from "./settings.js";
import { shownUrl } from "./shown-url.js";
import { durationText, shownText, UNLIMITED } from "./values.js";

/** One setting as `config show --json` has it; `value` is null where nothing says anything. */
export type Shown = Origin & { readonly value: unknown };

/** What is configured, as data: each setting by its place in the file, such as `retention.keepLast`. */
export function shownConfiguration({ settings, origins, file }: Effective) {
  const shown = KEYS.map((key) => [placeOf(key).join("."), { value: written(key, settings[key]), ...origins[key] }]);
  return {
    file: file?.path ?? null,
    settings: Object.fromEntries(shown) as Readonly<Record<string, Shown>>,
    hooks: Object.fromEntries(Object.entries(file?.hooks ?? {}).map(([moment, hook]) => [moment, writtenHook(hook)])),
    notifications: (file?.notifications ?? []).map(writtenNotification),
  } as const;
}

/**
 * The same as a configuration file, with where each value comes from beside it. Read again, it says the same; but of an
 * address that may hold a secret only the host is shown, and of a destination no password.
 */
export function printConfiguration(effective: Effective): string {
  const { settings, hooks, notifications } = shownConfiguration(effective);
  const document = new Document({});
  for (const [place, { value, ...origin }] of Object.entries(settings)) {
    if (value === null) continue;
    const path = place.split(".");
    document.setIn(path, document.createNode(value, { flow: true }));
    const node = document.getIn(path, true);
    if (isScalar(node) || isMap(node) || isCollection(node)) node.comment = ` ${originText(origin)}`;
  }
  if (Object.keys(hooks).length > 0) document.set("hooks", document.createNode(hooks));
  if (notifications.length > 0) document.set("notifications", document.createNode(notifications));
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
}

function isCollection(node: unknown): node is YAMLMap {
  return typeof node === "object" && node !== null && "items" in node;
}

function originText(origin: Origin): string {
  if (origin.from === "environment") return origin.variable;
  return origin.from === "file" ? `${origin.path}:${origin.line}` : origin.from;
}

/** As it is written in the file. */
function written(key: Key, value: unknown): unknown {
  if (settingOf(key).kind === "duration" && typeof value === "number" && value > 0) return durationText(value);
  if (settingOf(key).unlimited && value === -1) return UNLIMITED;
  if (key === "destination" && typeof value === "string") return shownText(value);
  return value ?? null;
}

function writtenHook({ command, timeout }: Hook) {
  return { command, timeout: durationText(timeout) };
}

function writtenNotification(notification: Notification) {
  const { style, timeout } = notification;
  const address = "url" in notification ? { url: shownUrl(notification.url) } : addressSource(notification);
  return { ...address, style, timeout: durationText(timeout) };
}

function addressSource({ urlFile, urlCredential }: { readonly urlFile?: string; readonly urlCredential?: string }) {
  return urlFile === undefined ? { urlCredential } : { urlFile };
}
