import type { FallbackCompletionFunction, Options } from "yargs";

/** How yargs is asked, by the script that `completion` prints, for what could come next. */
const ASKED = "--get-yargs-completions";

export function isCompletion(args: readonly string[]): boolean {
  return args[0] === ASKED;
}

/**
 * What yargs would offer, with `--no-verify` and its like in place of what is so anyway: it offers that only for
 * defaults of its own. Where a value is to come that has no choices, nothing: then the shell offers files.
 */
export function completing(
  args: readonly string[],
  options: Readonly<Record<string, Options>>,
): FallbackCompletionFunction {
  const optionOf = (name: string): Options | undefined => (Object.hasOwn(options, name) ? options[name] : undefined);
  const [, name = ""] = /^--(.+)$/s.exec(args.at(-2) ?? "") ?? [];
  const option = optionOf(name);
  const takesAnything = option?.type === "string" && option.choices === undefined;
  /** For zsh it is `--verify:what it does`. */
  const negated = (completion: string): string => {
    const [, offered = "", rest = ""] = /^--([^:]+)(:.*)?$/s.exec(completion) ?? [];
    const { type, defaultDescription } = optionOf(offered) ?? {};
    return type === "boolean" && defaultDescription === "true" ? `--no-${offered}${rest}` : completion;
  };
  return (current, _argv, completionFilter, done) => {
    const [, assigned = "", value = ""] = /^--([^=]+)=(.*)$/s.exec(current) ?? [];
    const choices = (optionOf(assigned)?.choices ?? []).map(String);
    if (assigned !== "") {
      done(choices.filter((choice) => choice.startsWith(value)).map((choice) => `--${assigned}=${choice}`));
    } else if (takesAnything) done([]);
    else completionFilter((error, found) => void done((error === null ? found : undefined)?.map(negated) ?? []));
  };
}
