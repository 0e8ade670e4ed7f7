/**
 * What a node answers over HTTP: /healthz, /readyz, /info and /metrics, as a function from Request to
 * Response, for whichever server the program has. http-server.ts is one that works on the three runtimes.
 */
import type { Node } from "../node/node-api.ts";
import { infoHandler } from "./info-handler.ts";
import { registerMetrics } from "./metrics.ts";
import { type MetricsRegistry, Registry } from "./registry.ts";

export interface HttpHandlerOptions {
  /**
   * Where the node's metrics are registered, and what /metrics shows: perhaps a Registry of prom-client with
   * metrics of the program's own.
   * @default a registry for this node alone
   */
  readonly registry?: MetricsRegistry;
}

export type HttpHandler = (request: Request) => Promise<Response>;

/**
 * Answers 200 or 503 on /healthz (503 once the node has stopped) and /readyz (503 while it is not ready to
 * work: it starts, drains, has no quorum, or its store cannot write), JSON on /info, Prometheus' text on
 * /metrics, 404 on other paths.
 */
export function httpHandler(node: Node, options: HttpHandlerOptions = {}): HttpHandler {
  const registry = options.registry ?? new Registry();
  registerMetrics(node, registry);
  const info = infoHandler(node);
  const answerByPath: Readonly<Record<string, () => Response | Promise<Response>>> = {
    "/healthz": () => health(node),
    "/readyz": () => readiness(node),
    "/info": info,
    "/metrics": async () =>
      new Response(await registry.metrics(), {
        headers: { "content-type": registry.contentType, "cache-control": "no-store" },
      }),
  };
  return async (request) => {
    const { pathname } = new URL(request.url);
    const answer = Object.hasOwn(answerByPath, pathname) ? answerByPath[pathname] : undefined;
    if (answer === undefined) return text(404, `there is ${Object.keys(answerByPath).join(", ")}\n`);
    if (request.method === "GET") return await answer();
    if (request.method === "HEAD") {
      const { status, headers } = await answer();
      return new Response(null, { status, headers });
    }
    return text(405, "only GET and HEAD\n", { allow: "GET, HEAD" });
  };
}

/** The process lives and its loop turns, or nobody would answer: what is left is a node that has stopped. */
function health(node: Node): Response {
  return node.state === "stopped" ? text(503, "the node has stopped\n") : text(200, "ok\n");
}

function readiness(node: Node): Response {
  const { notReady } = node.stats();
  return notReady === null ? text(200, "ready\n") : text(503, `${notReady}\n`);
}

function text(status: number, body: string, more: Readonly<Record<string, string>> = {}): Response {
  const headers = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store", ...more };
  return new Response(body, { status, headers });
}
