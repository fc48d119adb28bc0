import { PassThrough, Transform, Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { TarArchive } from "archiver";
import { expect } from "chai";
import { writeTar, type TarHeader, type TarWriter } from "../../lib/archive/write.js";
import { bytesOf } from "../../lib/bytes.js";

const MIB = 1 << 20;

function header(path: string): TarHeader {
  return { type: "file", path: bytesOf(path), mode: 0o600, uid: 0, gid: 0, mtimeNs: 0n };
}

/** Takes everything, one write a turn of the event loop, and counts. */
function sink(onWrite: (bytes: number) => void = () => undefined): Writable {
  let bytes = 0;
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      onWrite(bytes);
      void setImmediate().then(() => done());
    },
  });
}

/** Fails when so many bytes have come to it, as a full disk does. */
function failingSink(error: Error, after: number): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      after -= chunk.length;
      done(after < 0 ? error : null);
    },
  });
}

async function* chunks(...parts: readonly (Buffer | Error)[]): AsyncGenerator<Buffer> {
  for (const part of parts) {
    await setImmediate();
    if (part instanceof Error) throw part;
    yield part;
  }
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => expect.fail("it succeeded"),
    (error: unknown) => error,
  );
}

/** Many small entries, a large one, and many again: a failure may find any of them on their way. */
async function fillWithAll({ add, stream }: TarWriter): Promise<void> {
  for (let i = 0; i < 100; i++) await add(header(`a${i}`), Buffer.alloc(1000));
  await stream(header("b"), 3 * MIB, chunks(Buffer.alloc(MIB), Buffer.alloc(MIB), Buffer.alloc(MIB)));
  await add(header("caf\u00e9"));
  for (let i = 0; i < 100; i++) await add(header(`d${i}`), Buffer.alloc(MIB / 4));
}

describe("writeTar", () => {
  const cause = new Error("the cause");

  it("resolves when everything is in the sink", async () => {
    let written = 0;
    await writeTar(fillWithAll, [sink((bytes) => (written = bytes))]);
    expect(written).to.be.greaterThan(28 * MIB);
    expect(written % 512).to.equal(0);
  });

  it("holds back who adds entries until the sink has taken most of them", async () => {
    let written = 0;
    let ahead = 0;
    await writeTar(
      async ({ add }) => {
        for (let added = 1; added <= 60; added++) {
          await add(header(`${added}`), Buffer.alloc(MIB));
          ahead = Math.max(ahead, added * MIB - written);
        }
      },
      [sink((bytes) => (written = bytes))],
    );
    expect(ahead).to.be.within(1, 16 * MIB);
  });

  it("holds back who adds entries without bodies, too", async () => {
    let written = 0;
    let ahead = 0;
    await writeTar(
      async ({ add }) => {
        for (let added = 1; added <= 8000; added++) {
          await add(header(`${added}`));
          // A header of PAX, its records and the header.
          ahead = Math.max(ahead, added - written / 1536);
        }
      },
      [sink((bytes) => (written = bytes))],
    );
    expect(ahead).to.be.within(1, 4000);
  });

  describe("rejects with what failed first, when that is", () => {
    for (const after of [0, 50_000, MIB, 5 * MIB, 20 * MIB]) {
      it(`the sink, after ${after} bytes`, async () => {
        expect(await failureOf(writeTar(fillWithAll, [failingSink(cause, after)]))).to.equal(cause);
      });
    }

    it("the sink, at its end", async () => {
      const last = new Writable({ write: (_chunk, _encoding, done) => done(), final: (done) => done(cause) });
      expect(await failureOf(writeTar(fillWithAll, [last]))).to.equal(cause);
    });

    for (const when of ["transform", "flush"] as const) {
      it(`the compressor, in its ${when}`, async () => {
        const compressor = new Transform({
          transform: (chunk, _encoding, done) => done(when === "transform" ? cause : null, chunk),
          flush: (done) => done(cause),
        });
        expect(await failureOf(writeTar(fillWithAll, [compressor, sink()]))).to.equal(cause);
      });
    }

    it("whoever adds the entries", async () => {
      const fill = async (tar: TarWriter): Promise<void> => {
        await fillWithAll(tar);
        throw cause;
      };
      expect(await failureOf(writeTar(fill, [new PassThrough(), sink()]))).to.equal(cause);
    });

    it("whoever adds the entries, before the first", async () => {
      expect(await failureOf(writeTar(() => Promise.reject(cause), [sink()]))).to.equal(cause);
    });

    it("the sink, whatever who adds the entries makes of it", async () => {
      const later = new Error("what came of it");
      const fill = (tar: TarWriter): Promise<void> => fillWithAll(tar).catch(() => Promise.reject(later));
      expect(await failureOf(writeTar(fill, [failingSink(cause, MIB)]))).to.equal(cause);
    });

    const parts = { first: [cause], second: [Buffer.alloc(1000), cause], last: [Buffer.alloc(MIB), cause] } as const;
    for (const [which, given] of Object.entries(parts)) {
      it(`the body of an entry, at its ${which} chunk`, async () => {
        const fill = async ({ add, stream }: TarWriter): Promise<void> => {
          await add(header("a"), Buffer.alloc(1000));
          await stream(header("b"), MIB + 1, chunks(...given));
          await add(header("c"), Buffer.alloc(1000));
        };
        expect(await failureOf(writeTar(fill, [sink()]))).to.equal(cause);
      });
    }

    for (const [which, size] of [
      ["shorter", MIB + 1],
      ["longer", MIB - 1],
    ] as const) {
      it(`the body of an entry, which is ${which} than its header says`, async () => {
        const fill = ({ stream }: TarWriter): Promise<void> => stream(header("b"), size, chunks(Buffer.alloc(MIB)));
        expect(await failureOf(writeTar(fill, [sink()])))
          .to.be.an("error")
          .with.property("message", "Size mismatch");
      });
    }

    for (const event of ["warning", "error"] as const) {
      it(`a${event === "error" ? "n error" : " warning"} of archiver`, async () => {
        const real = Reflect.get(TarArchive.prototype, "append") as (...args: unknown[]) => TarArchive;
        let appended = 0;
        TarArchive.prototype.append = function (...args) {
          if (++appended !== 150) return Reflect.apply(real, this, args);
          this.emit(event, cause as never);
          return this;
        };
        try {
          expect(await failureOf(writeTar(fillWithAll, [sink()]))).to.equal(cause);
        } finally {
          TarArchive.prototype.append = real;
        }
        expect(appended).to.equal(150);
      });
    }
  });

  it("has closed the sink and the body by the time it rejects", async () => {
    let closed = false;
    async function* body(): AsyncGenerator<Buffer> {
      try {
        for (;;) yield Buffer.alloc(MIB);
      } finally {
        closed = true;
      }
    }
    const last = failingSink(cause, 3 * MIB);
    const fill = ({ stream }: TarWriter): Promise<void> => stream(header("b"), 100 * MIB, body());
    expect(await failureOf(writeTar(fill, [last]))).to.equal(cause);
    expect({ closed, destroyed: last.destroyed }).to.deep.equal({ closed: true, destroyed: true });
  });
});
