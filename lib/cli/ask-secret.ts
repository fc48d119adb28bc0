import { HoldstillError } from "../errors.js";

/**
 * Asks for a secret on the terminal, and does not show it.
 * @throws HoldstillError `usage` where there is no terminal, `interrupted`
 */
export async function askSecret(prompt: string, signal: AbortSignal): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) {
    throw new HoldstillError("usage", "there is no terminal to ask for a passphrase on", {
      hint: "Give the passphrase in a file: --passphrase-file FILE",
    });
  }
  stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  stderr.write(prompt);
  try {
    return await typedLine(stdin, signal);
  } finally {
    stdin.setRawMode(false);
    stderr.write("\n");
  }
}

const ENTER = ["\r", "\n", "\u0004"];
const ERASE = ["\b", "\u007f"];
const ERASE_LINE = "\u0015";
const INTERRUPT = "\u0003";

function typedLine(stdin: NodeJS.ReadStream, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  let typed: readonly string[] = [];
  return new Promise((resolve, reject) => {
    const take = (text: string): void => {
      const characters = [...text];
      for (const [at, character] of characters.entries()) {
        if (character === INTERRUPT || ENTER.includes(character)) {
          stop();
          // What was typed ahead is for the next question.
          stdin.unshift(characters.slice(at + 1).join(""));
          if (character === INTERRUPT) reject(new HoldstillError("interrupted", "interrupted"));
          else resolve(typed.join(""));
          return;
        }
        if (character === ERASE_LINE) typed = [];
        else typed = ERASE.includes(character) ? typed.slice(0, -1) : [...typed, character];
      }
    };
    /** The terminal has gone, or was told so before it was ours. */
    const end = (): void => take("\u0004");
    /** Ctrl-C that came before the terminal was ours is a signal. */
    const abort = (): void => {
      stop();
      reject(signal.reason as Error);
    };
    const stop = (): void => {
      stdin.off("data", take).off("end", end).pause();
      signal.removeEventListener("abort", abort);
    };
    stdin.on("data", take).on("end", end);
    signal.addEventListener("abort", abort);
    stdin.resume();
  });
}
