#!/usr/bin/env node
// `npm start`: backs up a sample state while another process writes to it, verifies the archive, destroys the state
// and gets a session back. Everything happens in a temporary directory, which is removed at the end.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { makeSessions } from "./make-sessions.js";

const PROJECT = fileURLToPath(new URL("..", import.meta.url));
const CLI = join(PROJECT, "dist", "lib", "cli", "main.js");

function say(text) {
  console.log(`\n# ${text}`);
}

function show(...command) {
  console.log(`$ ${command.join(" ")}`);
}

/** Runs a command and returns its standard output; `inherit` shows it as it comes. Any exit code but 0 is an error. */
async function run(env, output, command, ...args) {
  const child = spawn(command, args, { cwd: PROJECT, env, stdio: ["ignore", output, "inherit"] });
  const chunks = [];
  child.stdout?.on("data", (chunk) => chunks.push(chunk));
  const [code, signal] = await once(child, "close");
  if (code !== 0) throw new Error(`${signal ?? `exit code ${code}`} from ${[command, ...args].join(" ")}`);
  return Buffer.concat(chunks).toString();
}

/** A small gateway state. Returns the session that the writer will be busy with. */
function makeState(state) {
  const sessions = makeSessions(state, { files: 2000, bytes: 40_000_000 });
  for (const directory of ["credentials", "logs"]) mkdirSync(join(state, directory));
  writeFileSync(join(state, "openclaw.json"), '{ "gateway": { "mode": "local" } }\n');
  writeFileSync(join(state, "credentials", "token.json"), '{ "token": "sample" }\n', { mode: 0o600 });
  writeFileSync(join(state, "logs", "gateway.log"), "started\n");
  return sessions[0];
}

async function startWriter(state, busy) {
  const writer = fork(join(PROJECT, "scripts", "live-writer.js"), [state, busy]);
  const exited = once(writer, "exit");
  const ask = async () => {
    writer.send("what have you done?");
    const answer = await Promise.race([once(writer, "message"), exited]);
    if (typeof answer[0] !== "object" || answer[0] === null) throw new Error("the live writer died");
    return answer[0];
  };
  await ask();
  const stop = async () => {
    writer.kill();
    await exited;
  };
  return { ask, stop };
}

async function holdstill(env, ...args) {
  show("node", relative(process.cwd(), CLI), ...args);
  await run(env, "inherit", process.execPath, CLI, ...args);
}

/** Creates and verifies an archive while the writer is at work, and returns its path. */
async function backUp(env, state, backups, writer) {
  const before = await writer.ask();
  await holdstill(env, "create", "--source", state, "--output", backups);
  const after = await writer.ask();
  const meanwhile = Object.entries(after).map(([what, count]) => `${what} ${count - before[what]}`);
  say(`Meanwhile the writer ${meanwhile.join(", ")}. It goes on while the archive is verified.`);

  const archives = readdirSync(backups).filter((name) => !name.startsWith("."));
  if (archives.length !== 1) throw new Error(`one archive was to be expected, not ${archives.length}`);
  const archive = join(backups, archives[0]);
  await holdstill(env, "verify", archive);
  await holdstill(env, "list", "--output", backups);
  return archive;
}

async function backUpBesideWriter(env, state, backups, busy) {
  say("A writer starts to append to, create, rename and delete sessions there, some 1,000 times a second.");
  const writer = await startWriter(state, busy);
  try {
    return await backUp(env, state, backups, writer);
  } finally {
    await writer.stop();
  }
}

/** The restored session must be what the live one was at one moment: its beginning, up to a complete line. */
function checkSession(restored, live) {
  if (restored.length === 0 || !live.startsWith(restored)) throw new Error("the session is not what was written");
  if (!restored.endsWith("\n")) throw new Error("the session ends in the middle of a line");
  const lines = restored.trimEnd().split("\n");
  for (const line of lines) JSON.parse(line);
  return lines.length;
}

async function demo(directory) {
  const state = join(directory, "state");
  const backups = join(directory, "backups");
  // The user's own configuration and archives are none of the demo's business.
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("HOLDSTILL_"));
  const xdg = { XDG_CONFIG_HOME: join(directory, "config"), XDG_DATA_HOME: join(directory, "data") };
  const env = { ...Object.fromEntries(own), ...xdg };
  say(`A sample state of 2,000 sessions, 40 MB, in ${state}`);
  const busy = makeState(state);
  const archive = await backUpBesideWriter(env, state, backups, busy);
  const left = readdirSync(directory).filter((name) => name !== "state" && name !== "backups");
  if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);

  const live = readFileSync(join(state, busy), "utf8");
  say("The disaster: every session is gone.");
  rmSync(join(state, "agents"), { recursive: true });
  show("rm -r", join(state, "agents"));

  say("The session that was written to all the time, from the archive:");
  const target = join(directory, "restored");
  await holdstill(env, "restore", archive, "--target", target, "--include", `/${busy}`, "--strip");
  mkdirSync(join(state, busy, ".."), { recursive: true });
  copyFileSync(join(target, busy), join(state, busy));
  const restored = readFileSync(join(state, busy), "utf8");
  const lines = checkSession(restored, live);
  console.log(`${lines} complete lines, ${restored.length} bytes: the first bytes of what the writer had written.`);
}

const directory = mkdtempSync(join(tmpdir(), "holdstill-demo-"));
// After an interrupt the writer, which ends with its parent, may still add a file.
process.on("exit", () => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
try {
  await demo(directory);
  say(`Done; ${directory} is removed.`);
} catch (error) {
  console.error(`demo: ${error.message}`);
  process.exitCode = 1;
}
