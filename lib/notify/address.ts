import { posix } from "node:path";
import { bytesOf } from "../bytes.js";
import type { Address } from "../config/parse.js";
import { isErrno } from "../errors.js";
import type { Surroundings } from "../surroundings.js";
import { readFull } from "../stage/quiet.js";

/** An address, or why there is none, in words that do not tell it. */
export type Resolved = { readonly url: string } | { readonly problem: string };

/** Addresses are shorter. */
const LONGEST = 4096;

/** The address of a notification: itself, or the first line of a file or of a systemd credential. */
export function addressOf(address: Address, around: Pick<Surroundings, "fs" | "env">): Resolved {
  if ("url" in address) return checked(address.url, "the address");
  if ("urlFile" in address) return inFile(address.urlFile, around);
  const { urlCredential: name } = address;
  const directory = around.env["CREDENTIALS_DIRECTORY"];
  if (directory === undefined || directory === "" || name.includes("/")) {
    return { problem: `there is no credential ${name}` };
  }
  return inFile(posix.join(directory, name), around);
}

function inFile(path: string, { fs }: Pick<Surroundings, "fs">): Resolved {
  try {
    const fd = fs.openRead(fs.realpath(bytesOf(path)));
    try {
      const data = Buffer.alloc(LONGEST);
      const text = data.subarray(0, readFull(fs, fd, data, 0)).toString("utf8");
      return checked((text.split("\n")[0] ?? "").trim(), `the first line of ${path}`);
    } finally {
      fs.close(fd);
    }
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM", "EISDIR", "ELOOP", "EIO")) throw error;
    return { problem: `its address cannot be read from ${path} (${String(error.code)})` };
  }
}

function checked(url: string, what: string): Resolved {
  const isAddress = URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  return isAddress ? { url } : { problem: `${what} is no address that begins with https:// or http://` };
}
