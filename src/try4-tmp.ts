import { createNode, defineTask } from "../mod.ts";
const echo = defineTask<{ n: number; s: string }, number>({ name: "echo" });
const embedded = process.argv[2] === "e";
const ns = `try-${process.pid}`;
const nodes: any[] = [];
for (const name of embedded ? ["a"] : ["a","b","c"]) {
  const node = embedded ? await createNode({coordinator:"embedded", capacity: 1000}) : await createNode({ namespace: ns, name, expect: 3, mdns: false, join: nodes.flatMap(n => n.addresses), capacity: 1000 });
  node.handle(echo, (t) => t.input.n * 2);
  nodes.push(node);
}
await Promise.all(nodes.map(n => n.ready()));
for (let round=0; round<4; round++) {
let t = performance.now(); const c0 = process.cpuUsage();
const hs = await nodes[0].client.submitMany(echo, Array.from({length: 10000}, (_, n) => ({ input: { n, s: "x".repeat(80) } })));
const t1 = performance.now()-t;
await Promise.all(hs.map((h: any) => h.done()));
const dt = performance.now()-t, cpu = process.cpuUsage(c0);
console.log("submit", t1|0, "done", dt|0, "tasks/s", 10000/dt*1000|0, "cpu us/task", (cpu.user+cpu.system)/10000);
}
for (const n of nodes) await n.stop({now:true});
