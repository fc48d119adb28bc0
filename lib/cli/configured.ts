import type { Effective } from "../config/effective.js";
import { KEYS } from "../config/settings.js";
import type { Surroundings } from "../surroundings.js";
import type { UseCases } from "./use-cases.js";

/**
 * What a command is to do by its arguments, the environment and the configuration file together.
 * @throws HoldstillError `bad-configuration`
 */
export function configured(
  argv: Readonly<Record<string, unknown>> & { readonly config: string | undefined },
  around: Surroundings,
  { configure }: Pick<UseCases, "configure">,
): Promise<Effective> {
  const said = KEYS.filter((key) => argv[key] !== undefined).map((key) => [key, argv[key]] as const);
  return configure(Object.fromEntries(said), argv.config, around);
}
