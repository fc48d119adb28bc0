#!/usr/bin/env node
// How fast an archive is encrypted and decrypted: by lib/age, beside age-encryption alone. After `npm run build`:
//
//   node scripts/bench-age.js [--bytes 268435456] [--runs 3]
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";
import { Decrypter, Encrypter } from "age-encryption";
import { generateKey, sealTo, unsealWith } from "../dist/lib/age/header.js";
import { decrypted } from "../dist/lib/age/open.js";
import { encrypting } from "../dist/lib/age/payload.js";

const { values } = parseArgs({
  options: { bytes: { type: "string", default: "268435456" }, runs: { type: "string", default: "3" } },
});
const bytes = Number(values.bytes);
const runs = Number(values.runs);
/** As compressors hand them on. */
const BLOCK = Buffer.alloc(256 << 10, "holdstill");

function* blocks() {
  for (let left = bytes; left > 0; left -= BLOCK.length) yield BLOCK.subarray(0, Math.min(left, BLOCK.length));
}

async function counted(chunks) {
  let length = 0;
  for await (const chunk of chunks) length += chunk.length;
  return length;
}

async function collected(chunks) {
  const parts = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return parts;
}

const { identity, recipient } = await generateKey();
const seal = sealTo({ recipients: [recipient] });
const encrypter = new Encrypter();
encrypter.addRecipient(recipient);
const decrypter = new Decrypter();
decrypter.addIdentity(identity);

const sealed = await seal();
const file = [];
await pipeline(
  Readable.from(blocks()),
  encrypting(sealed),
  async (chunks) => void file.push(...(await collected(chunks))),
);

const works = {
  "encrypt, holdstill": async () => {
    let length = 0;
    const made = await seal();
    await pipeline(Readable.from(blocks()), encrypting(made), async (chunks) => void (length = await counted(chunks)));
    return length;
  },
  "encrypt, age-encryption": async () => counted(await encrypter.encrypt(Readable.toWeb(Readable.from(blocks())))),
  "decrypt, holdstill": async () =>
    counted(decrypted(Readable.from(file), unsealWith({ identities: [identity], passphrase: undefined }))),
  "decrypt, age-encryption": async () => counted(await decrypter.decrypt(Readable.toWeb(Readable.from(file)))),
};

const best = {};
for (let run = 0; run < runs; run++) {
  for (const [name, work] of Object.entries(works)) {
    const from = performance.now();
    const length = await work();
    if (length < bytes) throw new Error(`${name} gave ${length} bytes of ${bytes}`);
    const rate = bytes / 1e6 / ((performance.now() - from) / 1000);
    best[name] = Math.max(best[name] ?? 0, rate);
  }
}
for (const [name, rate] of Object.entries(best)) console.log(`${name.padEnd(24)} ${rate.toFixed(0).padStart(6)} MB/s`);
for (const what of ["encrypt", "decrypt"]) {
  const times = best[`${what}, holdstill`] / best[`${what}, age-encryption`];
  console.log(`${what}: ${times.toFixed(1)} times as fast`);
}
