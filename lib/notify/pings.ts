import type { Notification } from "../config/parse.js";
import { shownUrl } from "../config/shown-url.js";
import { limited } from "../limited.js";
import type { Surroundings } from "../surroundings.js";
import { addressOf } from "./address.js";
import { endLetter, startLetter, type Letter, type Told } from "./messages.js";

export interface Pings {
  /** Tells all of them how the run ended, each within its limit. Never fails. */
  readonly finish: (told: Told, signal: AbortSignal) => Promise<void>;
}

type Needs = Pick<Surroundings, "fs" | "env" | "onEvent">;

/** Tells that a run has begun, and does not wait for anybody to hear it. What does not arrive is warned of. */
export function startPings(notifications: readonly Notification[], around: Needs): Pings {
  const begun = notifications.map((notification) => startPing(notification, around));
  return { finish: async (told, signal) => void (await Promise.all(begun.map((ping) => ping.finish(told, signal)))) };
}

/** Tells of an end whose beginning nobody was told of. Never fails. */
export async function sendPings(
  notifications: readonly Notification[],
  told: Told,
  around: Needs & Pick<Surroundings, "signal">,
): Promise<void> {
  const each = async (notification: Notification): Promise<void> => {
    const { style, timeout } = notification;
    const address = addressed(notification, around);
    if (address === undefined) return;
    const letter = endLetter(style, address.url, told);
    await limited(timeout, [around.signal], (limit) => address.send(letter, limit));
  };
  await Promise.all(notifications.map(each));
}

function startPing(notification: Notification, around: Needs): Pick<Pings, "finish"> {
  const address = addressed(notification, around);
  if (address === undefined) return { finish: async () => {} };
  const { url, send } = address;
  const { style, timeout } = notification;
  const first = startLetter(style, url);
  const ended = new AbortController();
  const started =
    first === undefined ? Promise.resolve() : limited(timeout, [ended.signal], (limit) => send(first, limit));
  return {
    finish: (told, signal) =>
      limited(timeout, [signal], async (limit) => {
        // In this order, or the service would take the run for one that goes on.
        await Promise.race([started, aborted(limit)]);
        ended.abort(limit.reason);
        await started;
        await send(endLetter(style, url, told), limit);
      }),
  };
}

interface Addressed {
  readonly url: string;
  /** What does not arrive is warned of. */
  readonly send: (letter: Letter, signal: AbortSignal) => Promise<void>;
}

function addressed(notification: Notification, around: Needs): Addressed | undefined {
  const warn = (message: string): void => around.onEvent({ type: "warning", message });
  const resolved = addressOf(notification, around);
  if ("problem" in resolved) {
    warn(`a notification cannot be sent: ${resolved.problem}`);
    return undefined;
  }
  const { url } = resolved;
  return {
    url,
    async send(letter, signal) {
      const { post } = await import("./post.js");
      const problem = await post(letter.url, letter.message, signal);
      if (problem !== undefined) warn(`a notification to ${shownUrl(url)} ${problem}`);
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
