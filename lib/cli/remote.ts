import type { Settings } from "../config/settings.js";
import { readDestination } from "../config/values.js";
import { destinationOf } from "../destination.js";
import { HoldstillError } from "../errors.js";
import type { Remote } from "../remote.js";
import type { Surroundings } from "../surroundings.js";
import type { UseCases } from "./use-cases.js";

interface Asked {
  readonly from: string | undefined;
  readonly output: string | undefined;
  readonly readDataSubset?: string | undefined;
}

/**
 * The place beyond this machine whose archives are meant: what was named or, unless an archive directory was, what is
 * configured. Undefined where it is an archive directory.
 * @throws HoldstillError `usage`, `output-unusable`
 */
export async function remoteOf(
  { from, output, readDataSubset }: Asked,
  { destination: configured }: Pick<Settings, "destination">,
  around: Surroundings,
  { remote }: UseCases,
): Promise<Remote | undefined> {
  if (from !== undefined && output !== undefined) throw new HoldstillError("usage", "--from goes without --output");
  const named = from && readDestination(from, { homedir: around.homedir, directory: around.cwd });
  const meant = named ?? (output === undefined ? configured : undefined);
  const destination = meant === undefined ? undefined : destinationOf(meant);
  if (readDataSubset !== undefined && destination?.engine !== "restic") {
    throw new HoldstillError("usage", "--read-data-subset goes with --from restic:REPOSITORY");
  }
  return destination && remote(destination, { readDataSubset }, around);
}
