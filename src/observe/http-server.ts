/**
 * A small HTTP server for a handler of Requests, on node:http, which the three runtimes have. Bounded: it
 * reads no bodies, and a client that is slow to ask or to read is cut off. That it goes on listening is the
 * business of http-listener.ts.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { HttpHandler } from "./http-handler.ts";
import { HttpListener } from "./http-listener.ts";

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
  /**
   * Nobody can connect at that URL, or nobody could for a while; the reason says whether that was mended.
   * What it throws is ignored.
   * @default nobody listens
   */
  readonly onTrouble?: (url: string, reason: string) => void;
}

const REQUEST_TIMEOUT_MS = 5000;
const CONNECTIONS_MAX = 64;

/** Resolves when it listens; rejects when it cannot. */
export async function serveHttp(handler: HttpHandler, address: HttpAddress): Promise<HttpServer> {
  const { host = "127.0.0.1", port, onTrouble } = address;
  const urlOf = (chosen: number): string => `http://${host.includes(":") ? `[${host}]` : host}:${chosen}`;
  const listener: HttpListener = await HttpListener.open({
    create: () => serverOf(handler),
    host,
    port,
    // perhaps a promise, whatever its type says
    onTrouble: (reason) => onTrouble?.(urlOf(listener.port), reason),
  });
  const close = (): Promise<void> => listener.close();
  return { url: urlOf(listener.port), close, [Symbol.asyncDispose]: close };
}

function serverOf(handler: HttpHandler): Server {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS });
  server.maxConnections = CONNECTIONS_MAX;
  server.keepAliveTimeout = REQUEST_TIMEOUT_MS;
  server.on("request", (request, response) => void answer(handler, request, response));
  return server;
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
