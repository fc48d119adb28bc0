import { userInfo } from "node:os";
import { runProgram } from "../run-program.js";

/** A user as the system knows one. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Who we are. */
export function ourselves(): Account {
  const { username, uid, gid, homedir } = userInfo();
  return { name: username, uid, gid, home: homedir };
}

/** The user of a name, or undefined where there is none. */
export async function accountOf(name: string, env: Environment): Promise<Account | undefined> {
  const ended = await runProgram("getent", ["passwd", "--", name], { env });
  const [found, , uid, gid, , home] = (ended?.out ?? "").split("\n")[0]?.split(":") ?? [];
  if (found !== name || uid === undefined || gid === undefined || home === undefined) return undefined;
  return { name, uid: Number(uid), gid: Number(gid), home };
}
