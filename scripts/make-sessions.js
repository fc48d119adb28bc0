#!/usr/bin/env node
// Makes session transcripts as a chat gateway keeps them: agents/<id>/sessions/<uuid>.jsonl.
// The same seed gives the same names and bytes; zstd -3 takes them to about a sixth, as it does real ones.
import { mkdirSync, realpathSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const AGENTS = ["main", "coder", "research", "support"];
const SMALLEST_FILE = 1024;
/** What a message takes around its text, at most. */
const LONGEST_FRAME = 256;
const SPREAD = 1.2;
const FIRST_DAY = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Seeded numbers in [0, 1): mulberry32. */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function hex(random, length) {
  let text = "";
  while (text.length < length)
    text += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  return text.slice(0, length);
}

function uuid(random) {
  const digits = hex(random, 32);
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `4${digits.slice(13, 16)}`,
    `a${digits.slice(17, 20)}`,
    digits.slice(20),
  ].join("-");
}

function vocabulary(random) {
  const syllables = "ba co de fi gu ha in jo ke la mo ne or pi qua re sa ti un ve wo xi ya zo st er al en".split(" ");
  return Array.from({ length: 5000 }, () => {
    const count = 1 + Math.floor(random() * 3.5);
    return Array.from({ length: count }, () => syllables[Math.floor(random() * syllables.length)]).join("");
  });
}

/** Sentences of words in which few are frequent and most are rare. ASCII without quotes, so that length is bytes. */
function sentencesFrom(random) {
  const words = vocabulary(random);
  const fresh = () => {
    let sentence = "";
    for (let left = 5 + Math.floor(random() * 14); left > 0; left -= 1) {
      sentence += `${sentence === "" ? "" : " "}${words[Math.floor(words.length * random() ** 3)]}`;
    }
    return `${sentence}.`;
  };
  const known = Array.from({ length: 4000 }, fresh);
  return (count, shareFresh) => {
    let text = "";
    for (let left = count; left > 0; left -= 1) {
      const sentence = random() < shareFresh ? fresh() : known[Math.floor(known.length * random() ** 2)];
      text += text === "" ? sentence : ` ${sentence}`;
    }
    return text;
  };
}

/** The lines of one session, each with its newline; `message(text)` for a chosen text. */
function transcript(random, sentences, id) {
  let time = FIRST_DAY + Math.floor(random() * 300 * DAY);
  let parent = null;
  const line = (type, fields) => {
    time += Math.floor(random() * 20_000);
    const own = hex(random, 8);
    const text = JSON.stringify({
      type,
      id: own,
      parentId: parent,
      timestamp: new Date(time).toISOString(),
      ...fields,
    });
    parent = own;
    return `${text}\n`;
  };
  const message = (text) => line("message", { message: { role: "user", content: [{ type: "text", text }] } });
  const answer = () => {
    const input = Math.floor(random() * 60_000);
    const output = Math.floor(random() * 2_000);
    const content = [{ type: "text", text: sentences(2 + Math.floor(random() * 8), 0.25) }];
    const usage = { input, output, cacheRead: 0, cacheWrite: 0, totalTokens: input + output };
    return line("message", {
      message: { role: "assistant", content, api: "openai-completions", model: "large-1", usage, stopReason: "stop" },
    });
  };
  const toolResult = () => {
    const text = sentences(4 + Math.floor(random() * 20), 0.06).replaceAll(". ", ".\n");
    const toolCallId = `call_${hex(random, 12)}`;
    const content = [{ type: "text", text }];
    return line("message", { message: { role: "toolResult", toolCallId, toolName: "read", content, isError: false } });
  };
  return {
    head: `${JSON.stringify({ type: "session", version: 3, id, timestamp: new Date(time).toISOString(), cwd: "/srv/workspace" })}\n`,
    message,
    next: () => {
      const kind = random();
      if (kind < 0.35) return message(sentences(1 + Math.floor(random() * 3), 0.3));
      return kind < 0.7 ? answer() : toolResult();
    },
  };
}

/** A session of exactly `bytes` bytes, ending at a complete line. */
function session(random, sentences, id, bytes) {
  const { head, message, next } = transcript(random, sentences, id);
  const parts = [head];
  let left = bytes - head.length;
  for (;;) {
    const line = next();
    if (left - line.length < LONGEST_FRAME) break;
    parts.push(line);
    left -= line.length;
  }
  let text = sentences(1, 0.3);
  while (text.length < left) text += ` ${sentences(4, 0.3)}`;
  const last = message(text);
  parts.push(last.replace(text, () => text.slice(0, left - (last.length - text.length))));
  return parts.join("");
}

/** Sizes in bytes that add up to `bytes`: all alike, or many small and few large. */
function sizes(random, files, bytes, distribution) {
  const weights = Array.from({ length: files }, () => {
    if (distribution === "fixed") return 1;
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.exp(SPREAD * normal);
  });
  const sum = weights.reduce((a, b) => a + b, 0);
  const spare = bytes - files * SMALLEST_FILE;
  const list = weights.map((weight) => SMALLEST_FILE + Math.floor((spare * weight) / sum));
  list[0] += bytes - list.reduce((a, b) => a + b, 0);
  return list;
}

/**
 * Fills `directory` with `files` sessions of `bytes` bytes together, at least 1 KiB each, last modified between an
 * hour and thirty days before `now` (milliseconds of the epoch). Returns their paths relative to `directory`.
 */
export function makeSessions(directory, { files, bytes, seed = 1, size = "lognormal", now = Date.now() }) {
  if (!(files > 0) || bytes < files * SMALLEST_FILE)
    throw new RangeError(`a file takes ${SMALLEST_FILE} bytes or more`);
  if (size !== "lognormal" && size !== "fixed") throw new RangeError(`no such distribution of sizes: ${size}`);
  const random = randomFrom(seed);
  const sentences = sentencesFrom(random);
  for (const agent of AGENTS) mkdirSync(join(directory, "agents", agent, "sessions"), { recursive: true });
  return sizes(random, files, bytes, size).map((length) => {
    const agent = AGENTS[Math.floor(AGENTS.length * random() ** 2)];
    const id = uuid(random);
    const path = join("agents", agent, "sessions", `${id}.jsonl`);
    writeFileSync(join(directory, path), session(random, sentences, id, length), "latin1");
    const modified = (now - HOUR - random() * 30 * DAY) / 1000;
    utimesSync(join(directory, path), modified, modified);
    return path;
  });
}

function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      files: { type: "string" },
      bytes: { type: "string" },
      seed: { type: "string", default: "1" },
      size: { type: "string", default: "lognormal" },
    },
  });
  const [directory] = positionals;
  if (directory === undefined || values.files === undefined || values.bytes === undefined) {
    console.error("usage: make-sessions.js DIR --files N --bytes N [--seed N] [--size lognormal|fixed]");
    process.exitCode = 64;
    return;
  }
  const options = { files: Number(values.files), bytes: Number(values.bytes), seed: Number(values.seed) };
  const paths = makeSessions(directory, { ...options, size: values.size });
  console.log(`${paths.length} sessions, ${options.bytes} bytes, seed ${options.seed}, below ${directory}`);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) main();
