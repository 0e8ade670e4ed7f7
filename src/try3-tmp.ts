import { createNode, defineTask, connectClient } from "../mod.ts";
import type { Node } from "../mod.ts";
const echo = defineTask<{ n: number }, number>({ name: "echo" });
const slow = defineTask<{ ms: number }, string>({ name: "slow" });
const t0 = performance.now(); const T = () => ((performance.now()-t0)/1000).toFixed(2);
const ns = `try-${process.pid}`;
const nodes: Node[] = [];
for (const name of ["a","b","c"]) {
  const node = await createNode({ namespace: ns, name, expect: 3, mdns: false, join: nodes.flatMap(n => n.addresses), leaseTtlMs: 2000 });
  for (const t of ["ready","member:up","member:down","task:error","task:lost","task:released","stopped","draining","quorum:lost","quorum:regained","peer:rejected"] as const) node.addEventListener(t, (e) => console.log(T(), name, t, JSON.stringify(e.detail)));
  node.handle(echo, (t) => t.input.n * 2);
  node.handle(slow, (t, ctx) => new Promise((res, rej) => { const x = setTimeout(() => res(`done on ${name}`), t.input.ms); ctx.signal.addEventListener("abort", () => { clearTimeout(x); rej(ctx.signal.reason); }); }));
  nodes.push(node);
}
await Promise.all(nodes.map(n => n.ready()));
console.log(T(), "ready");
const [a, b, c] = nodes as [Node, Node, Node];
let t = performance.now();
const h = await a.client.submit(echo, { n: 21 }, { id: "a" }); console.log(T(), "submitted", performance.now()-t);
console.log(T(), h, await h.done(), performance.now()-t);
for (let i=0;i<3;i++) { t = performance.now(); const h = await a.client.submit(echo, { n: 21 }); const t1=performance.now()-t; await h.done(); console.log("submit ms", t1.toFixed(2), "done ms", (performance.now()-t).toFixed(2)); }
t = performance.now();
const hs = await a.client.submitMany(echo, Array.from({length: 10000}, (_, n) => ({ input: { n } })));
console.log(T(), "10k submitted", performance.now()-t);
const outs = await Promise.all(hs.map(h => h.done()));
console.log(T(), "10k done", performance.now()-t, outs.length);
const slows = await b.client.submitMany(slow, Array.from({length: 30}, (_, n) => ({ input: { ms: 6000 }, id: `slow-${n}` })));
await new Promise(r => setTimeout(r, 2500));
console.table((await a.client.nodes()).map(({node, addresses, labels, ...n}) => n));
console.log(T(), "stop c now");
await c.stop({ now: true });
console.log((await a.client.get("slow-3")));
console.log(T(), await Promise.all(slows.map(h => h.done())).then(o => o.length));
{
  await using client = await connectClient({ namespace: ns, join: a.addresses });
  t = performance.now();
  const h = await client.submit(echo, { n: 4 }); console.log(T(), "remote", await h.done(), performance.now() - t);
  let n = 0; for await (const t of client.list()) n++; console.log("listed", n);
  console.table((await client.nodes()).map(({node, addresses, labels, ...n}) => n));
}
await a.stop(); console.log(T()); await b.stop(); console.log(T());
