import type { ArgumentsCamelCase, CommandModule, InferredOptionTypes } from "yargs";
import { textOf } from "../../bytes.js";
import type { Audience, ShownEntry } from "../../look/show.js";
import { entryDocument, entryText, leftText, proofLines } from "../../report/show-text.js";
import { follow, type Context } from "../command.js";
import { configured } from "../configured.js";
import { COMPLETE } from "../exit-code.js";
import { unlocked } from "../keys.js";
import { failWithin } from "../fail.js";
import { operandsOf } from "../operands.js";
import { SHARED, SHOW } from "../options.js";
import { surroundings } from "../shell.js";
import type { Terminal } from "../terminal.js";

const OPTIONS = { ...SHARED, ...SHOW } as const;

type Parsed = InferredOptionTypes<typeof OPTIONS> & {
  readonly archive: string | undefined;
  readonly path: string | undefined;
};

export function showCommand(context: Context): CommandModule<object, Parsed> {
  return {
    command: "show [archive] [path]",
    describe: "Show what is in an archive, and what is not",
    builder: (yargs) =>
      yargs
        .positional("archive", {
          type: "string",
          describe: "latest, a name's beginning, or a path",
        })
        .positional("path", { type: "string", describe: "a path, or a pattern as in a .gitignore" })
        .options(OPTIONS)
        .example("$0 show latest", "everything in the newest archive")
        .example("$0 show latest agents/main", "a directory with all below it")
        .example("$0 show latest '*.log' --skipped", "logs that are not in it, and why")
        .example("$0 show latest notes.txt --proof", "when and how a file was captured"),
    handler: async (argv) => context.finish(await perform(argv, context)),
  };
}

async function perform(argv: ArgumentsCamelCase<Parsed>, { shell, useCases }: Context): Promise<number> {
  const [name = "", path] = operandsOf(argv, ["archive", "path"], 1);
  const bare = await surroundings(shell, follow(shell, argv.quiet === true).onEvent);
  const { settings } = await configured(argv, bare, useCases);
  const around = await unlocked(argv, settings, bare, useCases);
  const archive = await useCases.namedArchive(name, settings.output, around);
  const lines = batched(shell.terminal);
  const printer = argv.json ? documentOn(lines) : textOn(lines, argv);
  try {
    await useCases.show(archive, path, around, printer);
    printer.end();
    return COMPLETE;
  } catch (error) {
    if (!argv.json || !lines.hasBegun()) throw error;
    lines.flush();
    return failWithin("]", error, shell);
  }
}

interface Printer extends Audience {
  readonly end: () => void;
}

/** So many lines are printed at once. */
const BATCH = 512;

interface Lines {
  readonly add: (lines: readonly string[]) => void;
  readonly flush: () => void;
  /** Whether any was printed. */
  readonly hasBegun: () => boolean;
  readonly isHeard: () => boolean;
}

function batched({ print, isHeard }: Terminal): Lines {
  let waiting: string[] = [];
  let begun = false;
  const flush = (): void => {
    begun ||= waiting.length > 0;
    print(waiting);
    waiting = [];
  };
  return {
    flush,
    hasBegun: () => begun,
    isHeard,
    add(lines) {
      waiting.push(...lines);
      if (waiting.length >= BATCH) flush();
    },
  };
}

function textOn(lines: Lines, { proof, skipped, quiet }: ArgumentsCamelCase<Parsed>): Printer {
  const left = new Map<string, number>();
  const linesOf = ({ line, path }: ShownEntry): string[] => {
    if ((line.type === "skip") !== (skipped === true)) return [];
    return proof ? proofLines(line, path) : [entryText(line, path)];
  };
  return {
    begin: () => undefined,
    entry(entry) {
      const { line } = entry;
      if (line.type === "skip") left.set(line.reason, (left.get(line.reason) ?? 0) + 1);
      lines.add(linesOf(entry));
      return lines.isHeard();
    },
    end() {
      if (!skipped && !proof && !quiet) lines.add(leftText(left));
      lines.flush();
    },
  };
}

/** One document, an entry a line, so that it can be written as it is read. */
function documentOn(lines: Lines): Printer {
  let separator = "";
  return {
    begin(archive, snapshot) {
      lines.add([`${JSON.stringify({ archive, snapshot }).slice(0, -1)},"entries":[`]);
    },
    entry({ line, places }) {
      lines.add([`${separator}${JSON.stringify(entryDocument(line, textOf(places.live(line))))}`]);
      separator = ",";
      return lines.isHeard();
    },
    end() {
      lines.add(['],"outcome":"shown"}']);
      lines.flush();
    },
  };
}
