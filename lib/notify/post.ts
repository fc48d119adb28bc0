/** What is sent, by POST. */
export interface Message {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

const REDIRECTS = 3;

/**
 * Sends a message. Redirections are followed three times, and never from https to http.
 * @returns why it did not arrive, in words that do not tell the address; undefined where it did
 */
export async function post(url: URL, message: Message, signal: AbortSignal): Promise<string | undefined> {
  try {
    return await follow(url, message, signal, REDIRECTS);
  } catch (error) {
    if (signal.aborted) return isTimeout(signal.reason) ? "took longer than its limit" : "was cut short";
    // What fetch says of an address, it says with the address.
    return `could not be reached (${codeOf(error)})`;
  }
}

async function follow(url: URL, message: Message, signal: AbortSignal, left: number): Promise<string | undefined> {
  const { body, headers } = message;
  const bare = new URL(url);
  bare.username = bare.password = "";
  const response = await fetch(bare, {
    ...{ method: "POST", body, redirect: "manual", signal },
    headers: { "content-type": "text/plain; charset=utf-8", ...headers, ...authorization(url) },
  });
  await response.body?.cancel();
  const { status, ok } = response;
  if (ok) return undefined;
  const location = response.headers.get("location");
  if (status < 300 || status >= 400 || location === null) return `was answered with ${status}`;
  if (!URL.canParse(location, bare.href)) return "was redirected to nowhere";
  const next = new URL(location, bare);
  if (left === 0) return "was redirected too often";
  if (!/^https?:$/.test(next.protocol) || (bare.protocol === "https:" && next.protocol === "http:")) {
    return "was redirected to an address that is not secure";
  }
  if (next.origin === bare.origin) {
    next.username = url.username;
    next.password = url.password;
  }
  return follow(next, message, signal, left - 1);
}

/** Names and passwords in an address: fetch refuses them there. */
function authorization({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "no connection";
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === "TimeoutError";
}
