import type { FallbackCompletionFunction, Options } from "yargs";
import { KEYS, optionOf, settingOf } from "../config/settings.js";

/** How yargs is asked, by the script that `completion` prints, for what could come next. */
const ASKED = "--get-yargs-completions";

export function isCompletion(args: readonly string[]): boolean {
  return args.includes(ASKED);
}

/** Flags that are on unless `--no-…` says otherwise: yargs offers that only for defaults of its own. */
const ON = KEYS.filter((key) => settingOf(key).default === true).map(optionOf);

/**
 * What yargs would offer, with `--no-verify` and its like in place of what is so anyway. Where a value is to come that
 * has no choices, nothing: then the shell offers files.
 */
export function completing(
  args: readonly string[],
  options: Readonly<Record<string, Options>>,
): FallbackCompletionFunction {
  const [, name = ""] = /^--(.+)$/s.exec(args.at(-2) ?? "") ?? [];
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  const takesAnything = option?.type === "string" && option.choices === undefined;
  return (_current, _argv, completionFilter, done) => {
    if (takesAnything) done([]);
    else completionFilter((error, found) => void done((error === null ? found : undefined)?.map(negated) ?? []));
  };
}

/** For zsh it is `--verify:what it does`. */
function negated(completion: string): string {
  const [, name = "", rest = ""] = /^--([^:]+)(:.*)?$/s.exec(completion) ?? [];
  return ON.includes(name) ? `--no-${name}${rest}` : completion;
}
