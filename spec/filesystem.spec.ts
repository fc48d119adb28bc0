import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import fsExtra from "fs-extra";
import { bytesOf } from "../lib/bytes.js";
import { disk } from "../lib/filesystem.js";
import { errno } from "./helpers/port.js";
import { tmpDirectory } from "./helpers/tree.js";

async function errorOf(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

describe("the disk", () => {
  it("names the file in an error of a descriptor", async () => {
    const directory = tmpDirectory();
    const path = join(directory, "ä.txt");
    writeFileSync(path, "x");
    const fd = openSync(path, "r");
    try {
      expect(await errorOf(() => disk.write(fd, Buffer.from("y")))).to.include({ code: "EBADF", path });
      expect(await errorOf(() => disk.writeAsync(fd, Buffer.from("y")))).to.include({ code: "EBADF", path });
      const error = await errorOf(() => disk.write(fd, Buffer.from("y")));
      expect((error as Error).message).to.match(/^EBADF: .*, write '.*\/ä\.txt'$/);
    } finally {
      closeSync(fd);
    }
  });

  it("names the file in an error of what is reached through a descriptor, whichever of two it is", async () => {
    const directory = tmpDirectory();
    writeFileSync(join(directory, "there"), "x");
    const fd = disk.openDirectory(bytesOf(directory));
    const through = (name: string) => bytesOf(`/proc/self/fd/${fd}/${name}`);
    try {
      const missing = await errorOf(() => disk.lstat(through("missing ü")));
      expect(missing).to.include({ code: "ENOENT", path: join(directory, "missing ü") });
      expect((missing as Error).message)
        .to.include(`'${directory}/missing ü'`)
        .and.not.include("/proc/");
      const twice = await errorOf(() => disk.link(through("there"), through("there")));
      expect(twice).to.include({ code: "EEXIST", path: join(directory, "there") });
      expect((twice as Error).message).to.not.include("/proc/");
    } finally {
      disk.close(fd);
    }
  });

  it("reads on when a signal has interrupted a reading", async () => {
    const path = join(tmpDirectory(), "file");
    writeFileSync(path, "abc");
    const real = { readSync: fsExtra.readSync, read: fsExtra.read };
    let interruptions = 0;
    const interrupt = (): never => {
      Object.assign(fsExtra, real);
      interruptions++;
      throw errno("EINTR");
    };
    const fd = disk.openRead(bytesOf(path));
    try {
      const buffer = Buffer.alloc(3);
      Object.assign(fsExtra, { readSync: interrupt });
      expect(disk.read(fd, buffer, 0, 3, 0)).to.equal(3);
      Object.assign(fsExtra, { read: async () => interrupt() });
      expect(await disk.readAsync(fd, buffer, 0, 3, 0)).to.equal(3);
      expect(buffer.toString()).to.equal("abc");
      expect(interruptions).to.equal(2);
    } finally {
      Object.assign(fsExtra, real);
      disk.close(fd);
    }
  });

  it("gives an error its name where Node has none for it", async () => {
    const real = fsExtra.lstatSync;
    const stale = Object.assign(new Error("Unknown system error -116: Unknown system error -116, lstat '/x'"), {
      ...{ code: "Unknown system error -116", errno: -116, syscall: "lstat", path: "/x" },
    });
    const fail = (): never => {
      throw stale;
    };
    Object.assign(fsExtra, { lstatSync: fail });
    try {
      const error = await errorOf(() => disk.lstat(bytesOf("/x")));
      expect(error).to.include({ code: "ESTALE", message: "ESTALE, lstat '/x'" });
    } finally {
      Object.assign(fsExtra, { lstatSync: real });
    }
  });

  it("lists what is left where the filesystem tells no kinds, and a name vanishes while Node looks at each", () => {
    const directory = tmpDirectory();
    for (const name of ["kept.txt", "ä.txt"]) writeFileSync(join(directory, name), name);
    const real = fsExtra.readdirSync;
    let vanished = 0;
    const readdirSync = (...args: Parameters<typeof real>): unknown => {
      if (typeof args[1] !== "object" || !args[1]?.withFileTypes) return Reflect.apply(real, fsExtra, args);
      vanished++;
      throw Object.assign(errno("ENOENT"), { syscall: "lstat" });
    };
    Object.assign(fsExtra, { readdirSync });
    try {
      const listed = disk.list(bytesOf(directory));
      expect(vanished).to.equal(1);
      expect(listed).to.have.deep.members([
        { name: "kept.txt", kind: "file" },
        { name: bytesOf("ä.txt"), kind: "file" },
      ]);
    } finally {
      Object.assign(fsExtra, { readdirSync: real });
    }
  });
});
