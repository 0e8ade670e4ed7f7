/**
 * A program of somebody who read only the first line of the page, for strangers.test.ts: a node in reach of
 * its whole network. Prints how many members its cluster has, once a second. Argument: options as JSON.
 */
import { createNode } from "../../mod.ts";

const options = JSON.parse(process.argv[2] ?? "{}") as Parameters<typeof createNode>[0];
const node = await createNode({ listen: ["/ip4/0.0.0.0/tcp/0"], security: "none", ...options });
await node.ready();
setInterval(() => console.log(node.nodes().length), 1000);
