import type { Notification } from "../config/parse.js";
import { titleOf } from "../report/run-text.js";
import type { Outcome } from "../report/run-record.js";
import type { Message } from "./post.js";

type Style = Notification["style"];

/** What is sent, and where to. */
export interface Letter {
  readonly url: URL;
  readonly message: Message;
}

/** Services cut off what is longer. In characters. */
const LONGEST = 9000;

/** What is sent before a run; undefined where nothing is. */
export function startLetter(style: Style, address: string): Letter | undefined {
  return style === "plain" ? undefined : { url: below(address, "start"), message: { body: "", headers: {} } };
}

export interface Told {
  readonly outcome: Outcome;
  readonly host: string;
  /** In one line, and in all. */
  readonly line: string;
  readonly text: string;
}

/** What is sent after a run. */
export function endLetter(style: Style, address: string, { outcome, host, line, text }: Told): Letter {
  if (style === "plain") {
    const title = titleOf(outcome, host).replaceAll(/[^\x20-\x7e]/g, "?");
    return { url: new URL(address), message: { body: line.slice(0, LONGEST), headers: { title } } };
  }
  const url = outcome === "success" ? new URL(address) : below(address, "fail");
  return { url, message: { body: text.slice(-LONGEST), headers: {} } };
}

function below(address: string, name: string): URL {
  const url = new URL(address);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${name}`;
  return url;
}
