/** Starts meshes on loopback and waits for what they report. */
import { createMesh } from "../../src/mesh/mesh.ts";
import type { Hello, Mesh, MeshEvents, MeshOptions } from "../../src/mesh/mesh-types.ts";
import type { ClientStream } from "../../src/mesh/mesh-types.ts";

const DEADLINE_MS = 60_000;

export interface TestNode {
  readonly mesh: Mesh;
  readonly ups: Map<string, Hello>;
  readonly log: string[];
  readonly frames: { readonly from: string; readonly frame: Uint8Array }[];
  readonly clients: ClientStream[];
  /** Resolves once `isTrue` holds; checked after every event. */
  until(what: string, isTrue: () => boolean): Promise<void>;
}

const started: Mesh[] = [];

export async function startNode(
  name: string,
  options: Partial<MeshOptions> = {},
  more: Partial<MeshEvents> = {},
): Promise<TestNode> {
  const waiters = new Set<() => void>();
  const changed = (): void => {
    for (const waiter of [...waiters]) waiter();
  };
  const state: Omit<TestNode, "mesh" | "until"> = {
    ups: new Map(),
    log: [],
    frames: [],
    clients: [],
  };
  const note = (line: string): void => {
    state.log.push(line);
    changed();
  };
  const mesh = await createMesh({
    namespace: "test",
    listen: ["/ip4/127.0.0.1/tcp/0"],
    join: [],
    mdns: false,
    hello: { cluster: "", name, labels: {}, witness: false, expect: 1, boot: 1 },
    ...options,
  }, {
    peerUp(id, hello) {
      state.ups.set(id, hello);
      note(`up ${hello.name}`);
    },
    peerDown(id) {
      state.ups.delete(id);
      note(`down ${id}`);
    },
    frame(from, frame) {
      state.frames.push({ from, frame });
      changed();
    },
    congested: (_id, on) => note(`congested ${on}`),
    rejected: (_id, reason) => note(`rejected ${reason}`),
    gossip: (topic, _from, data) => note(`gossip ${topic} ${data.byteLength}`),
    client(stream) {
      state.clients.push(stream);
      changed();
    },
    ...more,
  });
  started.push(mesh);
  return { ...state, mesh, until: (what, isTrue) => until(waiters, state.log, what, isTrue) };
}

function until(
  waiters: Set<() => void>,
  log: readonly string[],
  what: string,
  isTrue: () => boolean,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const check = (): void => {
    if (!isTrue()) return;
    clearTimeout(timer);
    waiters.delete(check);
    resolve();
  };
  const timer = setTimeout(() => {
    waiters.delete(check);
    reject(new Error(`Not within ${DEADLINE_MS} ms: ${what}. Seen: ${log.join("; ")}`));
  }, DEADLINE_MS);
  waiters.add(check);
  check();
  return promise;
}

/** Two nodes with an open link. */
export async function startPair(options: Partial<MeshOptions> = {}): Promise<readonly [TestNode, TestNode]> {
  const a = await startNode("a", options);
  const b = await startNode("b", { ...options, join: [a.mesh.addresses[0]!] });
  await Promise.all([
    a.until("a sees b", () => a.ups.size === 1),
    b.until("b sees a", () => b.ups.size === 1),
  ]);
  return [a, b];
}

export async function stopNodes(): Promise<void> {
  await Promise.all(started.splice(0).map((mesh) => mesh.stop()));
}
