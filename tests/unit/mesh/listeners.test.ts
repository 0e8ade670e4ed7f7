/** Listeners that die without a word, and ones that cannot be opened. */
import type { Listener, MultiaddrConnection, Upgrader } from "@libp2p/interface";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { afterEach, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { Listeners } from "../../../src/mesh/listeners.ts";
import { eventually } from "../../support/drill.ts";
import { freePort } from "../../support/free-port.ts";
import { startNode, stopNodes } from "../../support/mesh.ts";

afterEach(stopNodes);

/** As libp2p's of TCP is, where it is looked at; it can die. */
class MortalListener {
  readonly server = createServer((socket) => this.#accept(socket));
  readonly status = { netConfig: { port: 0, host: "127.0.0.1" } };
  readonly #upgrader: Upgrader;
  isDead = false;

  constructor(upgrader: Upgrader) {
    this.#upgrader = upgrader;
  }

  async listen(_address: Multiaddr): Promise<void> {
    this.server.listen(this.status.netConfig);
    await once(this.server, "listening");
  }

  pause(): void {
    this.server.close();
  }

  async resume(): Promise<void> {
    this.server.listen(this.status.netConfig);
    await once(this.server, "listening");
    this.isDead = false;
  }

  getAddrs(): Multiaddr[] {
    return [];
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  #accept(socket: Socket): void {
    socket.on("error", () => {});
    if (this.isDead) return;
    const remoteAddr = multiaddr(`/ip4/127.0.0.1/tcp/${socket.remotePort}`);
    const connection = { remoteAddr, abort: () => socket.destroy() };
    // the part of a connection that is looked at
    void this.#upgrader.upgradeInbound(connection as unknown as MultiaddrConnection, {} as never);
  }
}

interface Made {
  readonly listener: MortalListener;
  readonly upgraded: string[];
  readonly troubles: string[];
  readonly listeners: Listeners;
}

async function start(): Promise<Made & Disposable> {
  const [upgraded, troubles]: [string[], string[]] = [[], []];
  const listeners = new Listeners({
    onTrouble: (address, reason) => troubles.push(`${address}: ${reason}`),
    checkEveryMs: 50,
    callTimeoutMs: 100,
  });
  const upgrader = {
    upgradeInbound: ({ remoteAddr }: MultiaddrConnection) => {
      upgraded.push(remoteAddr.toString());
      return Promise.resolve();
    },
  };
  let listener: MortalListener | undefined;
  // what of the port is looked at
  const added = listeners.add((noting) => {
    listener = new MortalListener(noting);
    return listener as unknown as Listener;
  }, upgrader as unknown as Upgrader);
  await added.listen(multiaddr("/ip4/127.0.0.1/tcp/0"));
  const stop = (): void => {
    listeners.stop();
    listener?.server.close();
  };
  return { listener: listener!, upgraded, troubles, listeners, [Symbol.dispose]: stop };
}

test("a listener that accepts no more is opened anew at its port, and reported", async () => {
  using made = await start();
  const { listener, upgraded, troubles } = made;
  const { port } = listener;
  listener.isDead = true;
  expect(await eventually(() => troubles.length > 0)).toBe(true);
  expect(troubles).toEqual([expect.stringContaining("was opened anew")]);
  const socket = connect({ port, host: "127.0.0.1" });
  expect(await eventually(() => upgraded.length > 0)).toBe(true);
  expect(upgraded).toEqual([`/ip4/127.0.0.1/tcp/${socket.localPort}`]);
  socket.destroy();
});

test("one that lives is left alone, and its own calls are nothing to anybody", async () => {
  using made = await start();
  const { listener, upgraded, troubles } = made;
  let calls = 0;
  listener.server.on("connection", () => calls++);
  expect(await eventually(() => calls >= 5)).toBe(true);
  expect([upgraded, troubles]).toEqual([[], []]);
});

test("one that cannot be opened anew is tried again, and reported once", async () => {
  using made = await start();
  const { listener, troubles } = made;
  const { port } = listener;
  let resumes = 0;
  const { resume } = listener;
  listener.resume = () => ++resumes < 4 ? Promise.reject(new Error("taken")) : resume.call(listener);
  listener.isDead = true;
  expect(await eventually(() => troubles.length > 1)).toBe(true);
  expect(troubles).toEqual([
    expect.stringContaining("cannot be opened anew: taken"),
    expect.stringContaining("was opened anew"),
  ]);
  expect([resumes, listener.port]).toEqual([4, port]);
});

const hasIpv6 = await new Promise<boolean>((resolve) => {
  const server = createServer().once("error", () => resolve(false));
  server.listen(0, "::1", () => server.close(() => resolve(true)));
});

test.skipIf(!hasIpv6)("one of two addresses that is taken is an error, whatever its family", async () => {
  const port = await freePort();
  await using stack = new AsyncDisposableStack();
  const other = createServer().listen(port, "::1");
  stack.defer(() => void other.close());
  await once(other, "listening");
  const listen = ["/ip4/127.0.0.1/tcp/0", `/ip6/::1/tcp/${port}`];
  await expect(startNode("a", { listen })).rejects.toThrow(`Cannot listen on /ip6/::1/tcp/${port}: `);
});
