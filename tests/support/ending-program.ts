/**
 * A program that does one thing with the library, or several at once, stops it, says so and leaves the rest
 * to the runtime: for tests that a process ends by itself. The arguments name the things, which ending.ts
 * lists.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout } from "node:timers";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  connectClient,
  createNode,
  defineTask,
  httpHandler,
  type Node,
  type NodeOptions,
  serveHttp,
  sqliteStore,
} from "../../mod.ts";
import { exec, handleExec } from "../../src/cli/exec/exec.ts";
import type { Way } from "./ending.ts";
import { freePort } from "./free-port.ts";
import type { Instruction } from "./thread-handler.ts";

const SECRET = "a secret that is long enough for everybody";
const LISTEN = ["/ip4/127.0.0.1/tcp/0"];
const NO_SUCH_ADDRESS = ["/ip4/192.0.2.1/tcp/0"];
const task = defineTask<null>({ name: "task" });
const spinning = defineTask<Instruction, unknown>({ name: "spinning" });
const nextStart = (node: Node): Promise<void> =>
  new Promise((resolve) => node.addEventListener("task:start", () => resolve(), { once: true }));
const untilAborted = (signal: AbortSignal): Promise<unknown> => once(signal, "abort");
const refused = (promise: Promise<unknown>): Promise<void> =>
  promise.then(() => Promise.reject(new Error("it was not refused")), (error) => {
    if (!("code" in error) && !(error instanceof TypeError)) throw error;
  });

let count = 0;
/** A namespace of its own each time. */
function place(options: NodeOptions = {}): NodeOptions & { readonly namespace: string } {
  return { namespace: `ending-${process.pid}-${count++}`, listen: LISTEN, mdns: false, ...options };
}

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "stolos-ending-"));
  await use(directory);
  rmSync(directory, { recursive: true });
}

async function runOn(options: NodeOptions): Promise<void> {
  await using node = await createNode(options);
  node.handle(task, () => undefined);
  await node.ready();
  await (await node.client.submit(task, null)).done();
}

/** Takes connections and says nothing. */
async function silent(): Promise<void> {
  const server = createServer((socket) => void socket.on("error", () => {})).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.unref();
  await refused(connectClient({ join: [`/ip4/127.0.0.1/tcp/${port}`], timeoutMs: 700 }));
  server.close();
}

async function threads(): Promise<void> {
  const node = await createNode(place());
  node.handle(spinning, new URL("./thread-handler.ts", import.meta.url), { isolation: "thread" });
  await node.ready();
  const started = nextStart(node);
  await node.client.submit(spinning, { how: "spin" });
  await started;
  await node.stop({ now: true });
}

async function commands(): Promise<void> {
  const node = await createNode(place());
  const handle = handleExec(node);
  await node.ready();
  await (await node.client.submit(exec, { argv: ["true"] })).done();
  const started = nextStart(node);
  await node.client.submit(exec, { argv: ["sleep", "1000"] });
  await started;
  await node.stop({ now: true });
  await handle[Symbol.asyncDispose]();
}

async function http(): Promise<void> {
  await using node = await createNode(place());
  await using server = await serveHttp(httpHandler(node), { port: 0 });
  // keeps its connection open
  await (await fetch(`${server.url}/livez`)).text();
}

/** What was asked for and not answered, of a node and of clients that still look for another member. */
async function pending(): Promise<void> {
  const options = place({ secret: SECRET });
  const [alone, waiting] = await Promise.all([createNode(options), createNode(place({ expect: 3 }))]);
  await alone.ready();
  const clients = await Promise.all(
    [[options, alone], [{}, waiting]].map(() =>
      connectClient({
        namespace: options.namespace,
        join: alone.addresses,
        secret: SECRET,
        timeoutMs: 60_000,
      })
    ),
  );
  alone.handle(task, (_, ctx) => untilAborted(ctx.signal).then(() => {}), { beatTimeoutMs: 1000 });
  const handle = await clients[0]!.submit(task, null);
  const answers = [
    waiting.ready({ timeoutMs: 60_000 }),
    waiting.client.submit(task, null, { timeoutMs: 60_000 }),
    handle.done(),
    Array.fromAsync(clients[1]!.watch()),
  ].map(refused);
  await Promise.all([alone.stop({ now: true }), waiting.stop()]);
  await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  await Promise.all(answers);
}

async function client(): Promise<void> {
  const options = place({ secret: SECRET });
  await using node = await createNode(options);
  await node.ready();
  const { namespace } = options;
  await using client = await connectClient({ namespace, join: node.addresses, secret: SECRET });
  await client.nodes();
}

/** A process that holds connections to this one: it ends when the test does. */
async function other(role: "member" | "server", namespace: string): Promise<Other> {
  const port = await freePort();
  const args = ["tests/support/ending-other.ts", role, namespace, String(port)];
  const child = spawn("node", args, { stdio: "ignore", detached: true });
  child.unref();
  await once(child, "spawn");
  console.log("other", child.pid);
  return { port, hang: () => void child.kill("SIGSTOP") };
}

interface Other {
  readonly port: number;
  hang(): void;
}

async function heldNode(): Promise<void> {
  const { namespace } = place();
  const { port, hang } = await other("member", namespace);
  const node = await createNode(place({ namespace, expect: 2, listen: [`/ip4/127.0.0.1/tcp/${port}`] }));
  await node.ready();
  hang();
  await node.stop({ now: true });
}

async function heldClient(): Promise<void> {
  const { namespace } = place();
  const { port, hang } = await other("server", namespace);
  const join = [`/ip4/127.0.0.1/tcp/${port}`];
  const client = await connectClient({ namespace, join, timeoutMs: 30_000 });
  await client.nodes();
  const watched = refused(Array.fromAsync(client.watch()));
  hang();
  const asked = refused(client.nodes());
  await client[Symbol.asyncDispose]();
  await Promise.all([watched, asked]);
}

const WAYS: Readonly<Record<Way, () => Promise<void>>> = {
  node: () => runOn(place()),
  embedded: () => runOn({ coordinator: "embedded" }),
  mdns: () => runOn(place({ mdns: true })),
  secret: () => runOn(place({ secret: SECRET })),
  store: () => inDirectory((directory) => runOn(place({ store: sqliteStore(directory) }))),
  threads,
  commands,
  http,
  client,
  pending,
  silent,
  "held-node": heldNode,
  "held-client": heldClient,
  "nobody-there": () => refused(connectClient({ join: ["/ip4/127.0.0.1/tcp/1"], timeoutMs: 700 })),
  "nobody-found": () => refused(connectClient({ namespace: place().namespace, timeoutMs: 700 })),
  "bad-address": () => refused(connectClient({ join: ["nonsense"] })),
  "cannot-listen": () =>
    inDirectory((directory) =>
      refused(
        createNode(
          place({ listen: NO_SUCH_ADDRESS, mdns: true, secret: SECRET, store: sqliteStore(directory) }),
        ),
      )
    ),
  "no-quorum": async () => {
    await using node = await createNode(place({ expect: 3, mdns: true, join: ["/ip4/127.0.0.1/tcp/1"] }));
    await refused(node.ready({ timeoutMs: 500 }));
    await refused(node.client.submit(task, null, { timeoutMs: 500 }));
  },
};

await Promise.all(process.argv.slice(2).map((name) => WAYS[name as Way]()));
console.log("stopped");
setTimeout(() => console.log("left", process.getActiveResourcesInfo()), 3000).unref();
