/**
 * `--http HOST:PORT` of `stolos peer`: listens before there is a node, so that a port in use fails at once.
 */
import type { HttpHandler, HttpServer } from "../../mod.ts";
import { UsageError } from "./options.ts";

export interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

/**
 * `127.0.0.1:9464`, `[::]:9464`, `:9464` for all addresses, `9464` for loopback alone.
 *
 * @throws UsageError
 */
export function parseHostAndPort(option: string, text: string): HostAndPort {
  const match = /^(?:(\[[0-9a-fA-F:.]+\]|[^:[\]\s]*):)?(\d{1,5})$/.exec(text);
  const port = Number(match?.[2] ?? NaN);
  if (!match || !(port <= 65_535)) {
    throw new UsageError(`Cannot read --${option}: needs HOST:PORT such as 127.0.0.1:9464, got "${text}"`);
  }
  const [, named] = match;
  if (named === undefined) return { host: "127.0.0.1", port };
  return { host: named === "" ? "::" : named.replace(/^\[(.*)\]$/, "$1"), port };
}

/** @throws UsageError when it cannot listen there */
export async function openHttp(
  handler: HttpHandler,
  address: HostAndPort,
  onTrouble: (url: string, reason: string) => void,
): Promise<HttpServer> {
  const { serveHttp } = await import("../../mod.ts");
  try {
    return await serveHttp(handler, { ...address, onTrouble });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`Cannot use --http ${address.host}:${address.port}: ${why}`);
  }
}

/** While the store is read and the network is opened. */
export const answerEarly: HttpHandler = answerInstead("the node is starting");
/** While the process outlives its node. */
export const answerLeft: HttpHandler = answerInstead("the node has left the cluster for good");

function answerInstead(why: string): HttpHandler {
  return (request) => {
    const isHealth = new URL(request.url).pathname === "/healthz";
    return Promise.resolve(
      isHealth
        ? new Response("ok\n")
        : new Response(`${why}\n`, { status: 503, headers: { "cache-control": "no-store" } }),
    );
  };
}
