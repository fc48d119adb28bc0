#!/usr/bin/env node
// A program that will not hold still, for the demo: live-writer.js DIR BUSY, forked. Works on the sessions below DIR
// until it is killed or its parent is gone, and answers each message with what it has done so far. BUSY, a session of
// its own, is only ever appended to.
import { appendFileSync, readdirSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [directory, busy] = process.argv.slice(2);
const done = { appended: 0, created: 0, renamed: 0, deleted: 0 };
const sessions = readdirSync(join(directory, "agents"))
  .flatMap((agent) => readdirSync(join(directory, "agents", agent, "sessions")).map((name) => [agent, name]))
  .map(([agent, name]) => join("agents", agent, "sessions", name))
  .filter((path) => path.endsWith(".jsonl") && path !== busy);

function line() {
  const timestamp = new Date().toISOString();
  const content = [{ type: "text", text: `line ${done.appended} of the live writer. `.repeat(8) }];
  return `${JSON.stringify({ type: "message", timestamp, message: { role: "user", content } })}\n`;
}

function append(path) {
  appendFileSync(join(directory, path), line());
  done.appended += 1;
}

/** Leaves the line without its end for as long as `work` takes. */
function appendInTwo(path, work) {
  const text = line();
  appendFileSync(join(directory, path), text.slice(0, text.length / 2));
  work();
  appendFileSync(join(directory, path), text.slice(text.length / 2));
  done.appended += 1;
}

function anySession() {
  return sessions[Math.floor(Math.random() * sessions.length)];
}

function takeSession() {
  return sessions.splice(Math.floor(Math.random() * sessions.length), 1)[0];
}

function create() {
  const path = join("agents", "main", "sessions", `live-${String(done.created).padStart(6, "0")}.jsonl`);
  writeFileSync(join(directory, path), line());
  sessions.push(path);
  done.created += 1;
}

function rename() {
  const path = takeSession();
  renameSync(join(directory, path), join(directory, `${path}.deleted.${Date.now()}`));
  done.renamed += 1;
}

function remove() {
  unlinkSync(join(directory, takeSession()));
  done.deleted += 1;
}

function replaceIndex() {
  const index = join(directory, "agents", "main", "sessions", "sessions.json");
  writeFileSync(`${index}.tmp`, JSON.stringify({ live: sessions.length }));
  renameSync(`${index}.tmp`, index);
}

function work() {
  appendInTwo(busy, () => {
    create();
    append(anySession());
    rename();
    append(anySession());
    remove();
    create();
    replaceIndex();
  });
  appendFileSync(join(directory, "logs", "gateway.log"), `${new Date().toISOString()} still at it\n`);
  setTimeout(work, 5);
}

process.on("disconnect", () => process.exit());
process.on("message", () => process.send(done));
work();
