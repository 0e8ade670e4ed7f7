/**
 * The README's program with handlers that tell of their beats and with its answers over HTTP, for
 * rolling-library.ts: in memory, under a name drawn at random. Environment: NAMESPACE, HOST, SECRET,
 * STOLOS_BEATS.
 */
import { createNode, httpHandler, serveHttp } from "../../mod.ts";
import { handlers } from "./beat-handlers.ts";

const { NAMESPACE = "", HOST = "", SECRET } = process.env;

await using node = await createNode({
  namespace: NAMESPACE,
  listen: [`/ip4/${HOST}/tcp/0`],
  secret: SECRET,
  expect: 3,
  handleSignals: true,
});
handlers(node);
await using _http = await serveHttp(httpHandler(node), { host: HOST, port: 9464 });
node.addEventListener("waiting", ({ detail }) => console.error(`${node.name} waits: ${detail.reason}`));
await node.ready();
await new Promise((resolve) => node.addEventListener("stopped", resolve));
