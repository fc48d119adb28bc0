import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Context } from "mocha";
import { freePort } from "../helpers/free-port.js";
import { skip } from "../helpers/mounts.js";
import { tmpDirectory } from "../helpers/tree.js";

const S3RVER = fileURLToPath(new URL("../../../scripts/s3-server.sh", import.meta.url));

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

export interface S3 {
  readonly url: string;
  /** What programs need to be let in, and to trust its certificate. */
  readonly env: Readonly<Record<string, string>>;
}

/** A server that speaks S3, over TLS: without it clients sign each chunk, which s3rver does not take apart. */
export async function s3Server(asking: Context, bucket: string, daemons: ChildProcess[]): Promise<S3> {
  const found = spawnSync(S3RVER, { encoding: "utf8" });
  if (found.status !== 0) skip(asking, `s3rver cannot be installed: ${found.stderr.trim()}`);
  const directory = tmpDirectory();
  const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const keys = ["-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate, "-days", "1"];
  execFileSync("openssl", ["req", "-x509", ...keys, ...subject], { stdio: "ignore" });
  const port = await freePort();
  const args = [
    ...["--directory", join(directory, "kept"), "--address", "127.0.0.1", "--port", String(port), "--silent"],
    ...["--key", key, "--cert", certificate, "--no-vhost-buckets", "--configure-bucket", bucket],
  ];
  daemons.push(spawn(process.execPath, [found.stdout.trim(), ...args], { stdio: "ignore" }));
  await listening(port);
  const secrets = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" };
  return { url: `https://127.0.0.1:${port}`, env: { ...secrets, SSL_CERT_FILE: certificate } };
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
