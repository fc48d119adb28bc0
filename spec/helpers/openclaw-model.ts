import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A model that answers every prompt at once: OpenAI's streaming chat completions, on the loopback. */
export interface Model {
  readonly port: number;
  /** The bodies of the requests so far. */
  readonly requests: readonly string[];
  readonly stop: () => Promise<void>;
}

/** More than any spec asks for: what asks on and on is refused. */
const MOST_REQUESTS = 200;

export async function startModel(): Promise<Model> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      requests.push(body);
      if (requests.length > MOST_REQUESTS) {
        response.writeHead(429).end();
        return;
      }
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const delta of [{ role: "assistant", content: "" }, { content: `Answer ${requests.length}.` }]) {
        response.write(chunk([{ index: 0, delta, finish_reason: null }]));
      }
      response.write(chunk([{ index: 0, delta: {}, finish_reason: "stop" }]));
      response.write(chunk([], { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 }));
      response.end("data: [DONE]\n\n");
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function chunk(choices: readonly object[], usage?: object): string {
  const event = { id: "stub", object: "chat.completion.chunk", created: 1, model: "stub", choices, usage };
  return `data: ${JSON.stringify(event)}\n\n`;
}
