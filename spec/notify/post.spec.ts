import { expect } from "chai";
import { post } from "../../lib/notify/post.js";
import { listening, listeningSecurely } from "./server.js";

const MESSAGE = { body: "hello", headers: { title: "t" } };
const NEVER = new AbortController().signal;

describe("a message that is posted", () => {
  it("arrives with its headers", async () => {
    const { requests, url } = await listening();
    expect(await post(new URL(`${url}/x?y=1`), MESSAGE, NEVER)).to.equal(undefined);
    expect(requests).to.have.lengthOf(1);
    expect(requests[0]).to.deep.include({ asked: "POST /x?y=1", body: "hello" });
    expect(requests[0]?.headers).to.include({ title: "t", "content-type": "text/plain; charset=utf-8" });
  });

  it("takes name and password from the address", async () => {
    const { requests, url } = await listening();
    await post(new URL(url.replace("//", "//me:p%40ss@")), MESSAGE, NEVER);
    expect(requests[0]?.headers.authorization).to.equal(`Basic ${Buffer.from("me:p@ss").toString("base64")}`);
  });

  it("tells of an answer that is no success", async () => {
    const { url } = await listening((_, response) => response.writeHead(503).end());
    expect(await post(new URL(url), MESSAGE, NEVER)).to.equal("was answered with 503");
  });

  it("is redirected three times, and no further", async () => {
    const { asked, url } = await listening((path, response) => {
      const left = Number(path.slice(1));
      if (left === 0) response.end();
      else response.writeHead(307, { location: `/${left - 1}` }).end();
    });
    expect(await post(new URL(`${url}/3`), MESSAGE, NEVER)).to.equal(undefined);
    expect(asked()).to.deep.equal(["POST /3", "POST /2", "POST /1", "POST /0"]);
    expect(await post(new URL(`${url}/4`), MESSAGE, NEVER)).to.equal("was redirected too often");
  });

  it("is not redirected to what is no web address, and takes no password elsewhere", async () => {
    const other = await listening();
    const { url } = await listening((path, response) =>
      response.writeHead(308, { location: path === "/file" ? "file:///etc/passwd" : other.url }).end(),
    );
    expect(await post(new URL(`${url}/file`), MESSAGE, NEVER)).to.match(/not secure/);
    await post(new URL(url.replace("//", "//me:secret@")), MESSAGE, NEVER);
    expect(other.requests[0]?.headers.authorization).to.equal(undefined);
  });

  describe("by https", () => {
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    const trust = (): void => void (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0");
    afterEach(() => {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    });

    it("arrives, and is redirected to another address by https with its body, without its password", async () => {
      trust();
      const other = await listeningSecurely();
      const { url, requests } = await listeningSecurely((_, response) =>
        response.writeHead(307, { location: `${other.url}/there` }).end(),
      );
      expect(await post(new URL(url.replace("//", "//me:secret@")), MESSAGE, NEVER)).to.equal(undefined);
      expect(requests[0]?.headers.authorization).to.match(/^Basic /);
      expect(other.requests).to.have.lengthOf(1);
      expect(other.requests[0]).to.deep.include({ asked: "POST /there", body: "hello" });
      expect(other.requests[0]?.headers.authorization).to.equal(undefined);
    });

    it("is never redirected to http, where all could read it", async () => {
      trust();
      const open = await listening();
      const { url, asked } = await listeningSecurely((_, response) =>
        response.writeHead(307, { location: `${open.url}/there` }).end(),
      );
      expect(await post(new URL(url), MESSAGE, NEVER)).to.equal("was redirected to an address that is not secure");
      expect(asked()).to.have.lengthOf(1);
      expect(open.asked()).to.deep.equal([]);
    });

    it("is not sent to who cannot prove to be it", async () => {
      const { url, requests } = await listeningSecurely();
      expect(await post(new URL(`${url}/secret`), MESSAGE, NEVER)).to.match(
        /^could not be reached \([A-Z_]*CERT[A-Z_]*\)$/,
      );
      expect(requests).to.deep.equal([]);
    });
  });

  it("keeps its password where it is redirected on the same server", async () => {
    const { url, requests } = await listening((path, response) => {
      if (path === "/there") response.end();
      else response.writeHead(308, { location: "/there" }).end();
    });
    expect(await post(new URL(url.replace("//", "//me:secret@")), MESSAGE, NEVER)).to.equal(undefined);
    expect(requests.map(({ headers }) => headers.authorization !== undefined)).to.deep.equal([true, true]);
  });

  it("is given up at its limit, and where nobody listens, without a word of the address", async () => {
    const { url } = await listening(() => {});
    expect(await post(new URL(`${url}/secret`), MESSAGE, AbortSignal.timeout(50))).to.equal(
      "took longer than its limit",
    );
    const problem = await post(new URL("http://127.0.0.1:1/secret"), MESSAGE, NEVER);
    expect(problem)
      .to.match(/^could not be reached/)
      .and.not.to.include("secret");
  });
});
