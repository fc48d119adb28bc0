import { HoldstillError, isErrno } from "../errors.js";
import { runProgram, type RunOptions } from "../run-program.js";
import type { Account } from "./account.js";

type Environment = RunOptions["env"];

/**
 * Makes sure that a user can write to an archive directory, which is made if need be: by that user where that is
 * possible, so that nothing else of theirs becomes root's.
 * @throws HoldstillError `output-unusable`
 */
export async function provideDirectory(path: string, account: Account, env: Environment): Promise<void> {
  if (await isWritable(path, account, env)) return;
  // Of a directory that exists, neither owner nor mode are ours to change.
  const make = '[ -e "$1" ] || exec install -d -m 700 -o "$2" -g "$3" -- "$1"';
  const owner = [String(account.uid), String(account.gid)];
  await runProgram("sh", ["-c", make, "sh", path, ...owner], { env });
  if (await isWritable(path, account, env)) return;
  throw new HoldstillError("output-unusable", `${account.name} cannot write to the archive directory`, {
    path,
    hint: `Give it to ${account.name} (chown), or choose another --output.`,
  });
}

/**
 * Makes sure that a user can write metrics into a directory that is there.
 * @throws HoldstillError `output-unusable`
 */
export async function assertWritable(path: string, account: Account, env: Environment): Promise<void> {
  if (await isWritable(path, account, env)) return;
  throw new HoldstillError("output-unusable", `${account.name} cannot write metrics into this directory`, {
    path,
    hint: `Let ${account.name} write to it (a group, or setfacl), or choose another --prometheus.`,
  });
}

/**
 * Makes sure that a user can read a file.
 * @throws HoldstillError `bad-configuration`
 */
export async function assertReadable(path: string, account: Account, env: Environment): Promise<void> {
  const ended = await runProgram("sh", ["-c", '[ -r "$1" ]', "sh", path], { env, as: idsOf(account) });
  if (ended?.exitCode === 0) return;
  throw new HoldstillError("bad-configuration", `${account.name} cannot read the configuration`, {
    path,
    hint: `Let ${account.name} read it, put it into /etc/holdstill, or go without one: --config /dev/null.`,
  });
}

async function isWritable(path: string, as: Account, env: Environment): Promise<boolean> {
  const test = 'mkdir -p -m 700 -- "$1" 2>/dev/null; [ -d "$1" ] && [ -w "$1" ] && [ -x "$1" ]';
  const ended = await runProgram("sh", ["-c", test, "sh", path], { env, as: idsOf(as) });
  return ended?.exitCode === 0;
}

/**
 * Makes sure that a user can run this program.
 * @throws HoldstillError `usage`
 */
export async function assertRunnable([node, main]: readonly [string, string], account: Account, env: Environment) {
  const failed = await runProgram(node, [main, "--version"], { env, as: idsOf(account) }).then(
    (ended) => (ended?.exitCode === 0 ? undefined : (ended?.err.trim().split("\n").at(-1) ?? "it is not there")),
    (error: unknown) => {
      if (!isErrno(error, "EACCES")) throw error;
      return error.code ?? "EACCES";
    },
  );
  if (failed === undefined) return;
  throw new HoldstillError("usage", `${account.name} cannot run ${node} ${main}: ${failed}`, {
    hint: `Install Node and holdstill where ${account.name} can read them, such as below /usr or /opt.`,
  });
}

function idsOf({ uid, gid }: Account): { readonly uid: number; readonly gid: number } {
  return { uid, gid };
}
