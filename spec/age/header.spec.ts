import { expect } from "chai";
import { Decrypter } from "age-encryption";
import { generateKey, recipientOf, sealTo, unsealWith, type KeyPair } from "../../lib/age/header.js";
import type { Unseal } from "../../lib/age/sealed.js";
import { HoldstillError } from "../../lib/errors.js";

const NO_PASSPHRASE = { passphrase: undefined };

async function refusal(header: Buffer, unseal: Unseal): Promise<HoldstillError> {
  try {
    await unseal(header);
  } catch (error) {
    if (error instanceof HoldstillError) return error;
    throw error;
  }
  return expect.fail("it was opened");
}

describe("the header of an age file", () => {
  let [anna, ben, eve]: KeyPair[] = [];

  before(async () => {
    [anna, ben, eve] = await Promise.all([generateKey(), generateKey(), generateKey()]);
  });

  function pairs() {
    if (!anna || !ben || !eve) throw new Error("there are no keys");
    return { anna, ben, eve };
  }

  it("is opened by each of several recipients, and by nobody else", async () => {
    const { anna, ben, eve } = pairs();
    const { header, fileKey } = await sealTo({ recipients: [anna.recipient, ben.recipient] })();
    for (const { identity } of [anna, ben]) {
      expect(await unsealWith({ identities: [eve.identity, identity], ...NO_PASSPHRASE })(header)).to.deep.equal(
        fileKey,
      );
    }
    const { code, message } = await refusal(header, unsealWith({ identities: [eve.identity], ...NO_PASSPHRASE }));
    expect([code, message]).to.deep.equal(["wrong-key", "the archive is encrypted to other keys than those given"]);
  });

  it("is not made for a recipient that is misspelt", () => {
    const { recipient } = pairs().anna;
    const misspelt = recipient.replace(/.$/, (last) => (last === "q" ? "p" : "q"));
    expect(() => sealTo({ recipients: [recipient, misspelt] }))
      .to.throw(HoldstillError, "a recipient is misspelt")
      .with.property("code", "usage");
  });

  it("has a key of its own each time", async () => {
    const seal = sealTo({ recipients: [pairs().anna.recipient] });
    const [one, two] = [await seal(), await seal()];
    expect(one.fileKey.length).to.equal(16);
    expect(one.fileKey.equals(two.fileKey)).to.equal(false);
    expect(one.header.equals(two.header)).to.equal(false);
  });

  it("is not opened where any byte of it differs", async () => {
    const { anna } = pairs();
    const { header } = await sealTo({ recipients: [anna.recipient] })();
    const unseal = unsealWith({ identities: [anna.identity], ...NO_PASSPHRASE });
    for (let at = 0; at < header.length; at++) {
      const other = Buffer.from(header);
      other[at] = (other[at] ?? 0) ^ 1;
      expect((await refusal(other, unseal)).code, `byte ${at}`).to.be.oneOf(["bad-archive", "wrong-key"]);
    }
  });

  it("is opened by a passphrase, as age-encryption does it", async () => {
    const passphrase = "correct horse";
    const { header, fileKey } = await sealTo({ passphrase })();
    const theirs = new Decrypter();
    theirs.addPassphrase(passphrase);
    expect(Buffer.from(await theirs.decryptHeader(header))).to.deep.equal(fileKey);
    const wrong = await refusal(header, unsealWith({ identities: [], passphrase: "battery" }));
    expect([wrong.code, wrong.message]).to.deep.equal([
      "wrong-key",
      "the archive is encrypted with a passphrase, and not with the one given",
    ]);
    const { identity } = pairs().anna;
    const other = await refusal(header, unsealWith({ identities: [identity], ...NO_PASSPHRASE }));
    expect([other.code, other.hint]).to.deep.equal(["wrong-key", "Give the passphrase with --passphrase-file FILE."]);
  });

  it("tells the recipient of an identity, and does not repeat one that is misspelt", async () => {
    const { anna } = pairs();
    expect(await recipientOf(anna.identity)).to.equal(anna.recipient);
    const misspelt = anna.identity.replace(/.$/, (last) => (last === "Q" ? "P" : "Q"));
    const error = await recipientOf(misspelt).then(
      () => expect.fail("it was taken"),
      (refused: unknown) => refused as HoldstillError,
    );
    expect(error.code).to.equal("wrong-key");
    expect(error.message).not.to.include(misspelt.slice(20, 40));
  });
});
