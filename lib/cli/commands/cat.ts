import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import type { Reader } from "../../look/cat.js";
import type { FoundFile } from "../../look/find-entry.js";
import { failureOf } from "../../report/failure.js";
import { printable } from "../../report/printable.js";
import { follow, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE, EXIT_CODES } from "../exit-code.js";
import { unlocked } from "../keys.js";
import { operandsOf } from "../operands.js";
import { ARCHIVE_DIRECTORY, SHARED, UNLOCK } from "../options.js";
import { surroundings } from "../shell.js";
import type { Terminal } from "../terminal.js";

const OPTIONS = { ...SHARED, ...ARCHIVE_DIRECTORY, ...UNLOCK } as const;

type Parsed = InferredOptionTypes<typeof OPTIONS> & {
  readonly archive: string | undefined;
  readonly path: string | undefined;
};

export function catCommand(context: Context): CommandModule<object, Parsed> {
  return {
    command: "cat [archive] [path]",
    describe: "Write one file of an archive to stdout",
    builder: (yargs) =>
      yargs
        .positional("archive", {
          type: "string",
          describe: "latest, a name's beginning, or a path",
        })
        .positional("path", {
          type: "string",
          describe: "as `show` prints it, or the absolute one",
        })
        .options(OPTIONS)
        .example("$0 cat latest openclaw.json", "from the newest archive")
        .example("$0 cat latest agents/main/sessions/x.jsonl | tail -1", "its last line")
        .epilogue("Exit code 4: the bytes are not those that were backed up. With --json the bytes are in base64."),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: ArgumentsCamelCase<Parsed>, { shell, useCases }: Context): Promise<number> {
  const { terminal, signal } = shell;
  const [name = "", path = ""] = operandsOf(argv, ["archive", "path"], 2);
  const bare = await surroundings(shell, follow(shell, argv.quiet === true).onEvent);
  const { settings } = await configured(argv, bare, useCases);
  const around = await unlocked(argv, settings, bare, useCases);
  const archive = await useCases.namedArchive(name, settings.output, around);
  const reader = argv.json ? encodedOn(terminal) : rawOn(terminal);
  try {
    await useCases.cat(archive, path, around, reader);
    await reader.end({ outcome: "read" });
    return COMPLETE;
  } catch (error) {
    if (!reader.hasBegun()) throw error;
    const failure = failureOf(signal.aborted ? signal.reason : error);
    await reader.end({ outcome: "failed", error: failure });
    if (!argv.json) throw error;
    return EXIT_CODES[failure.code];
  }
}

interface Printer extends Reader {
  readonly hasBegun: () => boolean;
  readonly end: (outcome: object) => Promise<void>;
}

function rawOn({ send, isHeard }: Terminal): Printer {
  return {
    begin: () => undefined,
    hasBegun: () => false,
    async take(chunk) {
      await send(chunk);
      return isHeard();
    },
    end: async () => undefined,
  };
}

/** One document, written as the bytes come: its outcome is its end. */
function encodedOn({ send, isHeard }: Terminal): Printer {
  let head: string | undefined;
  let rest: Buffer = Buffer.alloc(0);
  let begun = false;
  const sendText = async (text: string): Promise<void> => {
    await send(Buffer.from(head === undefined ? text : `${head}${text}`));
    head = undefined;
  };
  return {
    hasBegun: () => begun,
    begin(archive, { line }: FoundFile) {
      const { size, sha256 } = line;
      const path = "path" in line ? { path: line.path } : { pathBase64: line.pathBase64 };
      const text = JSON.stringify({ archive, ...path, source: line.source, size, sha256, encoding: "base64" });
      head = `${printable(text).slice(0, -1)},"content":"`;
      begun = true;
    },
    async take(chunk) {
      const data = Buffer.concat([rest, chunk]);
      const whole = data.length - (data.length % 3);
      rest = data.subarray(whole);
      await sendText(data.toString("base64", 0, whole));
      return isHeard();
    },
    async end(outcome) {
      await sendText(`${rest.toString("base64")}",${printable(JSON.stringify(outcome)).slice(1)}\n`);
    },
  };
}
