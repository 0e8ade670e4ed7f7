import { connectClient, createNode, defineTask } from "../mod.ts";
const echo = defineTask<{ n: number }, number>({ name: "echo" });
const ns = `try-${process.pid}`; const nodes: any[] = [];
for (const name of ["a","b"]) { const node = await createNode({ namespace: ns, name, expect: 2, mdns: false, join: nodes.flatMap(n => n.addresses) }); node.handle(echo, (t) => t.input.n * 2); nodes.push(node); }
await Promise.all(nodes.map(n => n.ready()));
{ await using client = await connectClient({ namespace: ns, join: nodes[0].addresses });
const hs = await client.submitMany(echo, Array.from({length: 2000}, (_, n) => ({ input: { n } })));
const t = performance.now(); const outs = await Promise.all(hs.map(h => h.done())); console.log(outs.length, "via remote", performance.now() - t | 0); }
for (const n of nodes) await n.stop(); console.log("stopped");
