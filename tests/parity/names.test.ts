/** Names and namespaces on real nodes: two of one name are refused by name, and namespaces never mix. */
import { expect, test } from "bun:test";
import { createNode, type Node } from "../../mod.ts";

async function nodeOf(namespace: string, name: string, others: readonly Node[]): Promise<Node> {
  const join = others.flatMap((other) => other.addresses);
  return await createNode({ namespace, name, join, mdns: false, partitions: 8 });
}

function next<T>(node: Node, event: "join:refused" | "ready"): Promise<T> {
  return new Promise((resolve) => {
    node.addEventListener(event, (received) => resolve(received.detail as T), { once: true });
  });
}

test("13: a second node of one name is refused with a reason; another name is let in", async () => {
  const namespace = `names-${process.pid}`;
  await using first = await nodeOf(namespace, "twin", []);
  await first.ready();
  await using second = await nodeOf(namespace, "twin", [first]);
  const { reason } = await next<{ reason: string }>(second, "join:refused");
  expect(reason).toContain('another member is named "twin"');
  expect(first.nodes().filter(({ name }) => name === "twin")).toHaveLength(1);
  await using third = await nodeOf(namespace, "other", [first]);
  await third.ready();
  expect(first.nodes().map(({ name }) => name).sort()).toEqual(["other", "twin"]);
});

test("namespaces are isolated: nodes of another one are no members, and know no task of it", async () => {
  await using left = await nodeOf(`left-${process.pid}`, "a", []);
  await left.ready();
  await using right = await createNode({
    namespace: `right-${process.pid}`,
    name: "b",
    mdns: false,
    partitions: 8,
  });
  await right.ready();
  expect([left.nodes().length, right.nodes().length]).toEqual([1, 1]);
  expect(await right.client.get("t")).toBeUndefined();
  await using lost = await createNode({
    namespace: `right-${process.pid}`,
    name: "c",
    join: [...left.addresses],
    mdns: false,
    partitions: 8,
  });
  // who joins by the address of another namespace's node finds no cluster there
  const isIn = await Promise.race([
    lost.ready().then(() => true),
    new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 2000)),
  ]);
  expect([isIn, left.nodes().length]).toEqual([false, 1]);
});
