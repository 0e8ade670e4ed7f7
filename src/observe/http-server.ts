/**
 * A small HTTP server for a handler of Requests, on node:http, which the three runtimes have. Bounded: it
 * reads no bodies, and a client that is slow to ask or to read is cut off.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { HttpHandler } from "./http-handler.ts";

export interface HttpServer extends AsyncDisposable {
  /** Such as `http://127.0.0.1:9464`; with the port that was chosen when 0 was asked for. */
  readonly url: string;
  close(): Promise<void>;
}

export interface HttpAddress {
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** 0 = any that is free. */
  readonly port: number;
}

const REQUEST_TIMEOUT_MS = 5000;
const CONNECTIONS_MAX = 64;

/** Resolves when it listens; rejects when it cannot. */
export async function serveHttp(handler: HttpHandler, address: HttpAddress): Promise<HttpServer> {
  const { host = "127.0.0.1", port } = address;
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
  server.maxConnections = CONNECTIONS_MAX;
  server.keepAliveTimeout = REQUEST_TIMEOUT_MS;
  server.on("request", (request, response) => void answer(handler, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, resolve);
  });
  server.on("error", () => {});
  const close = (): Promise<void> => closeServer(server);
  return { url: urlOf(server, host), close, [Symbol.asyncDispose]: close };
}

function urlOf(server: Server, host: string): string {
  // a server that listens on TCP has an address
  const { port } = server.address() as AddressInfo;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

async function answer(
  handler: HttpHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { method = "GET", url = "/" } = request;
    // nothing here reads a body
    request.resume();
    const path = url.startsWith("/") ? url : "/";
    const answered = await handler(new Request(`http://node${path}`, { method: fits(method) }));
    const body = Buffer.from(await answered.arrayBuffer());
    response.writeHead(answered.status, Object.fromEntries(answered.headers));
    response.end(body);
  } catch {
    if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
    response.end("internal error\n");
  }
}

/**
 * A Request refuses some methods, such as CONNECT and TRACE; they are answered like others that are not
 * GET.
 */
function fits(method: string): string {
  return method === "GET" || method === "HEAD" ? method : "POST";
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
