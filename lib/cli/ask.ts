import { createInterface } from "node:readline/promises";

type Side<S> = S & { readonly isTTY?: boolean };

/**
 * How to ask whoever sits at the terminal; undefined where input or output is none. Only `y` and `yes` are a yes. Ctrl-C
 * rejects.
 */
export function asking(
  input: Side<NodeJS.ReadableStream>,
  output: Side<NodeJS.WritableStream>,
  signal: AbortSignal,
): ((question: string) => Promise<boolean>) | undefined {
  if (!input.isTTY || !output.isTTY) return undefined;
  return async (question) => {
    // Not as a terminal: readline would keep Ctrl-C to itself.
    const lines = createInterface({ input, output, terminal: false });
    const ended = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
    try {
      const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal }), ended]);
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      lines.close();
    }
  };
}
