import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectClient, createNode, defineTask, httpHandler, serveHttp, sqliteStore } from "../../mod.ts";
import { handleExec } from "../../src/cli/exec/exec.ts";

const [way, arg = ""] = process.argv.slice(2);
const secret = "a secret that is long enough for everybody";
const namespace = `ending-${process.pid}`;
const listen = ["/ip4/127.0.0.1/tcp/0"];
const quick = defineTask<null, number>({ name: "quick" });

async function bare() {
  await using node = await createNode({ namespace, listen, mdns: false, join: [] });
  node.handle(quick, () => 1);
  await node.ready();
  const h = await node.client.submit(quick, null, { id: "a" });
  await h.done();
}
const WAYS: Record<string, () => Promise<void>> = {
  bare,
  // arg: port,pid-of-other ; other is SIGSTOPped before our stop
  async held() {
    const [ns, port, pid] = arg.split(",");
    const node = await createNode({
      namespace: ns!,
      listen: [`/ip4/127.0.0.1/tcp/${port}`],
      mdns: false,
      expect: 2,
    });
    await node.ready({ timeoutMs: 15000 }).catch((e) => console.log(e.code));
    await new Promise((r) => setTimeout(r, 1500));
    console.log(node.nodes().map((n) => n.state).join());
    process.kill(Number(pid), "SIGSTOP");
    await node.stop();
  },
  async heldClient() {
    const [ns, port, pid] = arg.split(",");
    const c = await connectClient({ namespace: ns!, join: [`/ip4/127.0.0.1/tcp/${port}`], timeoutMs: 4000 });
    await c.nodes();
    const w = (async () => {
      for await (const _ of c.watch()) {}
    })().catch((e) => console.log("watch", e.code));
    await new Promise((r) => setTimeout(r, 100));
    process.kill(Number(pid), "SIGSTOP");
    const q = c.nodes().catch((e) => console.log("nodes", e.code));
    await new Promise((r) => setTimeout(r, 100));
    await c[Symbol.asyncDispose]();
  },
  async spin() {
    const node = await createNode({ namespace, listen, mdns: false });
    node.handle(quick, new URL("./ending-spin.ts", import.meta.url), { isolation: "thread" });
    const e = handleExec(node);
    const { exec } = await import("../../src/cli/exec/exec.ts");
    await node.ready();
    await node.client.submit(quick, null, { id: "a" });
    const h = await node.client.submit(exec, { argv: ["sleep", "1000"] }, { id: "b" });
    h.done().catch((e) => console.log("done", e.code));
    while (node.stats().running < 2 && (node.stats() as any).tasks?.running !== 2) {
      await new Promise((r) => setTimeout(r, 500));
      break;
    }
    await node.stop({ now: true });
    await e[Symbol.asyncDispose]();
  },
  async pending() {
    const say = (w: string) => (e: any) => console.log(w, e.code ?? e);
    const node = await createNode({ namespace, listen, mdns: false, expect: 3, secret });
    const own = await createNode({ namespace, listen, mdns: false, secret });
    await own.ready();
    const client = await connectClient({
      namespace,
      join: own.addresses,
      secret,
      mdns: false,
      timeoutMs: 60_000,
    });
    const c2 = await connectClient({
      namespace,
      join: node.addresses,
      secret,
      mdns: false,
      timeoutMs: 60_000,
    });
    node.ready({ timeoutMs: 60_000 }).catch(say("ready"));
    node.client.submit(quick, null, { id: "a", timeoutMs: 60_000 }).catch(say("submit"));
    c2.submit(quick, null, { id: "a", timeoutMs: 60_000 }).catch(say("submit2"));
    c2.nodes({ timeoutMs: 60_000 }).catch(say("nodes2"));
    const h = await client.submit(quick, null, { id: "b" });
    h.done().catch(say("done"));
    (async () => {
      for await (const _ of client.watch());
    })().catch(say("watch"));
    (async () => {
      for await (const _ of own.client.watch());
    })().catch(say("watch own"));
    own.handle(quick, async (_t, c) => {
      await new Promise((r) => c.signal.addEventListener("abort", r));
      return 1;
    }, { beatTimeoutMs: 1000 });
    await new Promise((r) => setTimeout(r, 500));
    await Promise.all([node.stop(), own.stop({ now: true })]);
    await Promise.all([client, c2].map((c) => c[Symbol.asyncDispose]()));
  },
  async embedded() {
    await using node = await createNode({ coordinator: "embedded" });
    await node.ready();
  },
  async mdns() {
    await using node = await createNode({ namespace, listen, mdns: true });
    await node.ready();
  },
  async secret() {
    await using node = await createNode({ namespace, listen, mdns: false, secret });
    await node.ready();
  },
  async store() {
    const d = mkdtempSync(join(tmpdir(), "ending-"));
    {
      await using node = await createNode({ namespace, listen, mdns: false, store: sqliteStore(d) });
      await node.ready();
    }
    rmSync(d, { recursive: true });
  },
  async threads() {
    await using node = await createNode({ namespace, listen, mdns: false });
    node.handle(quick, new URL("./ending-handler.ts", import.meta.url), { isolation: "thread" });
    await node.ready();
    console.log(await (await node.client.submit(quick, null, { id: "a" })).done());
  },
  async exec() {
    const node = await createNode({ namespace, listen, mdns: false });
    const e = handleExec(node);
    await node.ready();
    const { exec } = await import("../../src/cli/exec/exec.ts");
    console.log(await (await node.client.submit(exec, { argv: ["echo", "hi"] }, { id: "a" })).done());
    await node.stop();
    await e[Symbol.asyncDispose]();
  },
  async http() {
    const node = await createNode({ namespace, listen, mdns: false });
    const s = await serveHttp(httpHandler(node), { port: 0 });
    await node.ready();
    await (await fetch(`${s.url}/livez`)).text();
    await node.stop();
    await s.close();
  },
  // two nodes and a client that stays open at the time the node stops, all here
  async pair() {
    await using a = await createNode({ namespace, listen, mdns: false, secret });
    await a.ready();
    await using b = await createNode({ namespace, listen, mdns: false, secret, join: a.addresses });
    await b.ready();
    await using c = await connectClient({ namespace, join: b.addresses, secret });
    await c.nodes();
  },
  async pairOther() {
    const a = await createNode({ namespace, listen, mdns: false, secret });
    await a.ready();
    const c = await connectClient({ namespace, join: a.addresses, secret, mdns: false, timeoutMs: 2000 });
    await c.nodes();
    await a.stop();
    await c[Symbol.asyncDispose]();
  },
  async clientMdns() {
    await connectClient({ namespace: arg, timeoutMs: 4000 }).then(async (c) => {
      await c.nodes();
      await c[Symbol.asyncDispose]();
    });
  },
  async client() {
    await using c = await connectClient({
      namespace: arg.split(",")[0],
      join: [arg.split(",")[1]!],
      timeoutMs: 5000,
    });
    await c.nodes();
  },
  async refused() {
    await connectClient({ namespace, join: ["/ip4/127.0.0.1/tcp/1"], timeoutMs: 700 }).catch((e) =>
      console.log(e.code)
    );
  },
  async noMdns() {
    await connectClient({ namespace, timeoutMs: 700 }).catch((e) => console.log(e.code));
  },
  async badAddress() {
    await connectClient({ namespace, join: ["nonsense"] }).catch((e) => console.log(e.message));
  },
  async silent() {
    const s = createServer((x) => {
      x.on("error", () => {});
    }).listen(0, "127.0.0.1");
    s.unref();
    await once(s, "listening");
    await connectClient({
      namespace,
      join: [`/ip4/127.0.0.1/tcp/${(s.address() as any).port}`],
      timeoutMs: 700,
    }).catch((e) => console.log(e.code));
    s.close();
  },
  async blackhole() {
    await connectClient({ namespace, join: ["/ip4/10.255.255.1/tcp/1"], timeoutMs: 700 }).catch((e) =>
      console.log(e.code)
    );
  },
  async badListen() {
    await createNode({ namespace, listen: ["/ip4/192.0.2.1/tcp/0"], mdns: true, secret }).catch((e) =>
      console.log(e.code, e.message)
    );
  },
  async badListenStore() {
    const d = mkdtempSync(join(tmpdir(), "ending-"));
    await createNode({
      namespace,
      listen: ["/ip4/192.0.2.1/tcp/0"],
      store: sqliteStore(d),
      mdns: true,
      secret,
    }).catch((e) => console.log(e.code));
    rmSync(d, { recursive: true });
  },
  async alone() {
    await using node = await createNode({
      namespace,
      listen,
      mdns: true,
      expect: 3,
      join: ["/ip4/127.0.0.1/tcp/1"],
    });
    await node.ready({ timeoutMs: 500 }).catch((e) => console.log(e.code));
    await node.client.submit(quick, null, { id: "a", timeoutMs: 500 }).catch((e) => console.log(e.code));
  },
  async now() {
    const node = await createNode({ namespace, listen, mdns: false });
    node.handle(quick, async (_t, c) => {
      await new Promise((r) => c.signal.addEventListener("abort", r));
    });
    await node.ready();
    await node.client.submit(quick, null, { id: "a" });
    await node.stop({ now: true });
  },
  async signals() {
    const node = await createNode({ namespace, listen, mdns: false, handleSignals: true });
    await node.ready();
    await node.stop();
  },
};
if (process.env.NET) console.log(process.getActiveResourcesInfo());
const t0 = performance.now();
await WAYS[way!]!();
console.log(`stopped ${Math.round(performance.now() - t0)}`);
