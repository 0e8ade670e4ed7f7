/** Where tasks run, on three nodes as users make them; each has labels of its own and takes two at once. */
import { expect, test } from "bun:test";
import { createNode, defineTask, type Node } from "../../mod.ts";
import { LEASE_TTL_MS } from "../support/library-cluster.ts";

const work = defineTask<string, string>({ name: "work" });
const careful = defineTask<string, string>({ name: "careful" });

/** Every handler waits until the test lets its task go. */
class Cluster implements AsyncDisposable {
  readonly nodes: Node[] = [];
  /** What runs, and where. */
  readonly running: Map<string, string> = new Map();
  readonly starts: string[] = [];
  readonly #release: Map<string, () => void> = new Map();
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();

  async start(capacity: number): Promise<void> {
    const namespace = `placement-${process.pid}-${capacity}`;
    for (const [name, zone] of [["a", "z1"], ["b", "z1"], ["c", "z2"]] as const) {
      const join = this.nodes.flatMap((node) => node.addresses);
      const where = { namespace, name, labels: { zone }, join, expect: 3, mdns: false };
      const node = await createNode({ ...where, capacity, leaseTtlMs: LEASE_TTL_MS });
      const run = (id: string): Promise<string> => this.#run(id, name);
      node.handle(work, (task) => run(task.id));
      node.handle(careful, (task) => run(task.id), { concurrency: 1 });
      this.nodes.push(node);
    }
    await Promise.all(this.nodes.map((node) => node.ready({ signal: AbortSignal.timeout(60_000) })));
  }

  get client(): Node["client"] {
    return this.nodes[0]!.client;
  }

  async #run(id: string, node: string): Promise<string> {
    this.starts.push(id);
    this.running.set(id, node);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#release.set(id, resolve);
    this.#tell();
    await promise;
    this.running.delete(id);
    this.#tell();
    return node;
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  end(id: string): void {
    this.#release.get(id)!();
  }

  /** Resolves when it is true; rejects after a minute. */
  async until(isTrue: () => boolean): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error("Cannot go on: it did not come true in a minute")),
      60_000,
    );
    while (!isTrue()) await Promise.race([this.#changed.promise, late.promise]);
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const release of this.#release.values()) release();
    await Promise.all(this.nodes.map((node) => node.stop({ now: true })));
  }
}

test("labels, a node's name, apart keys and a handler's own limit decide where tasks run", async () => {
  await using cluster = new Cluster();
  await cluster.start(4);
  const { client, running } = cluster;
  await client.submit(work, "", { id: "in z2", requires: { zone: "z2" } });
  await client.submit(work, "", { id: "on b", node: "b" });
  await cluster.until(() => running.size === 2);
  expect(running.get("in z2")).toBe("c");
  expect(running.get("on b")).toBe("b");
  for (const id of ["in z2", "on b"]) cluster.end(id);

  const nowhere = await client.submit(work, "", { id: "nowhere", requires: { zone: "z9" } });
  const apart = ["k1", "k2", "k3", "k4"];
  await client.submitMany(work, apart.map((id) => ({ input: "", id, apart: "k" })));
  await cluster.until(() => apart.filter((id) => running.has(id)).length === 3);
  const busy = apart.filter((id) => running.has(id));
  expect(busy.map((id) => running.get(id)).sort()).toEqual(["a", "b", "c"]);
  const waits = apart.find((id) => !running.has(id))!;
  // at times it is being offered, to be declined
  while (!(await client.get(waits))!.why?.includes('the key "k"'));
  expect((await client.get(nowhere.id))!.why).toBe(
    'no connected node with a handler named "work" has the label zone=z9',
  );
  const freed = running.get(busy[1]!)!;
  cluster.end(busy[1]!);
  await cluster.until(() => running.has(waits));
  expect(running.get(waits)).toBe(freed);
  for (const id of apart) if (running.has(id)) cluster.end(id);

  const some = ["s1", "s2", "s3", "s4", "s5"];
  await client.submitMany(careful, some.map((id) => ({ input: "", id })));
  await cluster.until(() => some.filter((id) => running.has(id)).length === 3);
  expect(some.filter((id) => running.has(id)).map((id) => running.get(id)).sort()).toEqual(["a", "b", "c"]);
  for (let ended = 0; ended < some.length; ended++) {
    await cluster.until(() => some.some((id) => running.has(id)));
    const next = some.find((id) => running.has(id))!;
    cluster.end(next);
    await cluster.until(() => !running.has(next));
  }

  // last, since whom everybody has room at is a preference only when it is known
  await client.submit(work, "", { id: "rather a", prefers: [{ label: "zone", value: "z2", weight: -1 }] });
  await cluster.until(() => running.has("rather a"));
  expect(running.get("rather a")).not.toBe("c");
});

test("with one slot the higher priority goes first", async () => {
  await using cluster = new Cluster();
  await cluster.start(1);
  const { client, running, starts } = cluster;
  await client.submit(work, "", { id: "first", node: "c" });
  await cluster.until(() => running.has("first"));
  const priorities = [0, 3, 1, 4, 2];
  await client.submitMany(
    work,
    priorities.map((priority) => ({ input: "", id: `p${priority}`, priority, node: "c" })),
  );
  // everybody who has one of them waiting has said so by the next heartbeats
  await new Promise((resolve) => setTimeout(resolve, LEASE_TTL_MS));
  for (let ended = 0; ended <= priorities.length; ended++) {
    await cluster.until(() => running.size === 1);
    const [id] = running.keys();
    cluster.end(id!);
    await cluster.until(() => !running.has(id!));
    await new Promise((resolve) => setTimeout(resolve, LEASE_TTL_MS / 4));
  }
  expect(starts).toEqual(["first", "p4", "p3", "p2", "p1", "p0"]);
});
