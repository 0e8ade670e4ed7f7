/** What a libp2p host of ours keeps of others, and what it lets in. */
import { afterEach, expect, test } from "bun:test";
import { createConnection, type Socket } from "node:net";
import { multiaddr } from "@multiformats/multiaddr";
import { connectClient } from "../../../src/mesh/client.ts";
import { createHost, type Host } from "../../../src/mesh/host.ts";
import { stopWhole } from "../../../src/mesh/libp2p-care.ts";
import { eventually } from "../../support/drill.ts";
import { startNode, stopNodes } from "../../support/mesh.ts";

const SECRET = "a secret of more than thirty-two characters";
const hosts: Host[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
  await stopNodes();
});

async function start(listen: readonly string[]): Promise<Host> {
  const host = await createHost({ namespace: "test", listen, isClient: true });
  hosts.push(host);
  await host.start();
  return host;
}

test("nothing is kept of a peer that is gone", async () => {
  const host = await start(["/ip4/127.0.0.1/tcp/0"]);
  const client = await start([]);
  await client.dial(host.getMultiaddrs());
  const isKnown = (): Promise<boolean> => host.peerStore.has(client.peerId);
  expect(await eventually(isKnown)).toBe(true);
  await client.stop();
  expect(await eventually(async () => !await isKnown())).toBe(true);
});

test("no timer is left of a host that has stopped", async () => {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  const running = new Map<unknown, number>();
  const patched: Partial<typeof globalThis> = {
    setTimeout: ((run: () => void, ms = 0) => {
      const timer = set(() => {
        running.delete(timer);
        run();
      }, ms);
      running.set(timer, ms);
      return timer;
    }) as typeof set,
    clearTimeout: ((timer: ReturnType<typeof set>) => {
      running.delete(timer);
      clear(timer);
    }) as typeof clear,
  };
  Object.assign(globalThis, patched);
  try {
    const host = await createHost({ namespace: "test", listen: ["/ip4/127.0.0.1/tcp/0"], isClient: false });
    await host.start();
    await stopWhole(host);
    // what ends in the next milliseconds keeps nothing alive
    expect([...running.values()].filter((ms) => ms >= 50)).toEqual([]);
  } finally {
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  }
});

test("nothing is kept of whoever is found, which anybody on the network can make up", async () => {
  const found: string[] = [];
  const host = await createHost({
    namespace: "test",
    listen: [],
    isClient: false,
    found: (id) => found.push(id),
  });
  const other = await start([]);
  const { components } = host as unknown as { components: Record<string, EventTarget> };
  const detail = { id: other.peerId, multiaddrs: [multiaddr("/ip4/10.0.0.1/tcp/1")] };
  components["peer-discovery-0"]!.dispatchEvent(new CustomEvent("peer", { detail }));
  expect(found).toEqual([other.peerId.toString()]);
  // libp2p would have begun to write; what is written later ends later
  await host.peerStore.merge(host.peerId, {});
  await host.peerStore.merge(other.peerId, {});
  expect((await host.peerStore.get(other.peerId)).addresses).toEqual([]);
});

test("a client is served at once while more wait in silence than libp2p lets wait", async () => {
  const node = await startNode("a", { secret: SECRET });
  const [address = ""] = node.mesh.addresses;
  const port = Number(/\/tcp\/(\d+)/.exec(address)?.[1]);
  for (let i = 0; i < 300; i++) {
    const socket = createConnection({ port, host: "127.0.0.1" }).on("error", () => {});
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.once("data", () => resolve()));
  }
  // in less time than a place is kept for one that says nothing
  const timeoutMs = 2500;
  const client = await connectClient({
    namespace: "test",
    join: [address],
    mdns: false,
    timeoutMs,
    secret: SECRET,
  });
  await client.stop();
});
