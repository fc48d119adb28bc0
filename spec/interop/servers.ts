import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { freePort } from "../helpers/free-port.js";
import { tmpDirectory } from "../helpers/tree.js";

/** An sshd with a key of its own, and a directory with an `ssh` that knows it, for PATH. */
export async function sshd(daemons: ChildProcess[]): Promise<{ readonly port: number; readonly path: string }> {
  const directory = tmpDirectory();
  const at = (name: string): string => join(directory, name);
  for (const name of ["host", "client"]) execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(name)]);
  copyFileSync(at("client.pub"), at("authorized"));
  const port = await freePort();
  writeFileSync(
    at("sshd_config"),
    [
      ...[`Port ${port}`, "ListenAddress 127.0.0.1", `HostKey ${at("host")}`, `AuthorizedKeysFile ${at("authorized")}`],
      ...["StrictModes no", "UsePAM no", "PermitRootLogin yes", "Subsystem sftp internal-sftp", "PidFile none"],
    ].join("\n"),
  );
  mkdirSync("/run/sshd", { recursive: true });
  const daemon = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", at("sshd_config")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  daemons.push(daemon);
  for await (const said of daemon.stderr) if (String(said).includes("listening")) break;
  mkdirSync(at("bin"));
  const options = `-i ${at("client")} -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR`;
  writeFileSync(at("bin/ssh"), `#!/bin/sh\nexec /usr/bin/ssh -F /dev/null ${options} "$@"\n`, { mode: 0o755 });
  return { port, path: at("bin") };
}

/** Waits until somebody listens on a port of this machine. */
export async function listening(port: number): Promise<void> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return;
    } catch {
      await setTimeout(50);
    } finally {
      socket.destroy();
    }
  }
  throw new Error("nobody listens");
}
