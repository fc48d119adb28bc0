import { constants } from "node:os";
import { textOf, type Bytes } from "./bytes.js";
import type { Filesystem } from "./filesystem.js";

type Operation = (...args: unknown[]) => unknown;

/**
 * The same disk, whose errors name files as a person knows them. Node names none where it was given a descriptor, and
 * what is reached through one (`/proc/self/fd/N/name`) it names by a number that means nothing a moment later. Errors
 * that Node has no name for, `ESTALE` and `EDQUOT` among them, have theirs as their code.
 */
export function withNamedErrors(fs: Filesystem): Filesystem {
  const named = (operation: Operation): Operation => {
    return (...args) => {
      const fail = (error: unknown): never => {
        nameCode(error);
        for (const argument of args.slice(0, 2).reverse()) nameIn(error, argument, fs);
        throw error;
      };
      try {
        const result = operation(...args);
        return result instanceof Promise ? result.catch(fail) : result;
      } catch (error) {
        return fail(error);
      }
    };
  };
  const entries = Object.entries(fs).map(([name, operation]) => [name, named(operation as Operation)] as const);
  return Object.fromEntries(entries) as unknown as Filesystem;
}

const NAMES = new Map(Object.entries(constants.errno).map(([name, number]) => [-number, name]));

/** Node's code of them is `Unknown system error -116`. */
function nameCode(error: unknown): void {
  if (!(error instanceof Error) || !("code" in error) || !("errno" in error)) return;
  const { code, errno } = error;
  const name = NAMES.get(Number(errno));
  if (name === undefined || !String(code).startsWith("Unknown system error")) return;
  error.message = error.message.replace(`${String(code)}: ${String(code)}`, name);
  Object.assign(error, { code: name });
}

const DESCRIPTOR = /^\/proc\/self\/fd\/\d+/;

/** Puts the file that an argument stands for into an error, as its path and in its message. */
function nameIn(error: unknown, argument: unknown, fs: Filesystem): void {
  if (!(error instanceof Error) || !("syscall" in error)) return;
  const given = typeof argument === "number" ? `/proc/self/fd/${argument}` : argument;
  const link = typeof given === "string" ? DESCRIPTOR.exec(given)?.[0] : undefined;
  const opened = link === undefined ? undefined : targetOf(fs, link as Bytes);
  if (typeof given !== "string" || link === undefined || opened === undefined) return;
  const path = textOf((opened + given.slice(link.length)) as Bytes);
  if (typeof argument === "number") error.message += ` '${path}'`;
  else error.message = error.message.replace(`'${link}`, () => `'${textOf(opened)}`);
  Object.assign(error, { path });
}

function targetOf(fs: Filesystem, link: Bytes): Bytes | undefined {
  try {
    return fs.readlink(link);
  } catch {
    // Where there is no /proc, or the descriptor is no more, the error says what Node says.
    return undefined;
  }
}
