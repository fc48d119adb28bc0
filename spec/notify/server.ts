import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server } from "node:http";
import type { ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterwards } from "../helpers/afterwards.js";
import { tmpDirectory } from "../helpers/tree.js";

export interface Request {
  /** `POST /path`. */
  readonly asked: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

type Answer = (url: string, response: ServerResponse) => void;

/** A server on loopback that answers with 200, or as it is told to; it never answers where it is told nothing. */
export function listening(answer: Answer = (_, it) => it.end()) {
  return serving("http", createServer(), answer);
}

/** The same by https, with a certificate that nobody knows. */
export function listeningSecurely(answer: Answer = (_, it) => it.end()) {
  return serving("https", createSecureServer(certificate()), answer);
}

async function serving(protocol: string, server: Server, answer: Answer) {
  const requests: Request[] = [];
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      const { method, url = "", headers } = request;
      requests.push({ asked: `${method} ${url}`, headers, body });
      answer(url, response);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  afterwards(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const asked = (): string[] => requests.map((request) => request.asked);
  return { requests, url: `${protocol}://127.0.0.1:${port}`, asked } as const;
}

function certificate(): { readonly key: string; readonly cert: string } {
  const directory = tmpDirectory();
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", [...args, "-keyout", key, "-out", cert, ...named], { stdio: "ignore" });
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}
