/**
 * A node in a server of the runtime's own, as docs/operating.md says: prints its URL, ends with its stdin.
 */
import { createNode, httpHandler, serveHttp } from "../../mod.ts";

interface Runtimes {
  readonly Bun?: { serve(options: { port: number; fetch: unknown }): { readonly port: number } };
  readonly Deno?: {
    serve(options: { port: number; onListen(address: { port: number }): void }, handler: unknown): void;
  };
}

const node = await createNode({ coordinator: "embedded" });
await node.ready();
const handler = httpHandler(node);
const announce = (port: number | string, by: string): void =>
  console.log(JSON.stringify({ port: Number(port), by }));
// what the other runtimes have is not in this one's types
const { Bun, Deno } = globalThis as unknown as Runtimes;
if (Deno) Deno.serve({ port: 0, onListen: ({ port }) => announce(port, "Deno.serve") }, handler);
else if (Bun) announce(Bun.serve({ port: 0, fetch: handler }).port, "Bun.serve");
else announce(new URL((await serveHttp(handler, { port: 0 })).url).port, "serveHttp");
process.stdin.on("end", () => process.exit(0)).resume();
