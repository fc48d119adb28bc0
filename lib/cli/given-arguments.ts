import { escaped, textOf, type Bytes } from "../bytes.js";
import { disk } from "../filesystem.js";
import { readProc } from "../guard/proc.js";

/** What Node puts in the place of bytes that are not UTF-8. */
const LOST = "\ufffd";

/** The arguments with every byte that was given, where Linux tells them: a path need not be text. */
export function givenArguments(
  args: readonly string[],
  commandLine: () => string = readCommandLine,
): readonly string[] {
  if (!args.some((arg) => arg.includes(LOST))) return args;
  const given = commandLine().split("\0").slice(0, -1).slice(-args.length) as Bytes[];
  const isSame = given.length === args.length && given.every((bytes, index) => textOf(bytes) === args[index]);
  return isSame ? given.map(escaped) : args;
}

function readCommandLine(): string {
  return readProc(disk, "/proc/self/cmdline") ?? "";
}
