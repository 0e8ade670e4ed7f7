/**
 * Peers that come and go while the cluster works, as real processes of all runtimes: a fourth one joins, one
 * leaves, one is killed and comes back under its name, one has a name that is taken, one is of elsewhere.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connectClient } from "../../mod.ts";
import type { Client, NodeInfo } from "../../mod.ts";
import { exec } from "../../src/cli/exec/exec.ts";
import { Cluster, stolos } from "../support/cluster.ts";
import { eventually, PATIENCE_MS } from "../support/drill.ts";

const ARGS = ["--lease-ttl", "2s", "--evict-after", "1m"];
let cluster: Cluster;
let stranger: Cluster;
/** Connected when there was the founder only. */
let early: Client & AsyncDisposable;

beforeAll(async () => {
  const namespace = `members-${process.pid}`;
  cluster = await Cluster.start({ namespace, runtimes: ["node"], args: ARGS });
  early = await connectClient(await cluster.reach());
  stranger = new Cluster({ namespace: `${namespace}-other`, runtimes: ["node"] });
  // of another namespace, with an address of this one
  await stranger.add("node", { args: (await cluster.addresses()).flatMap((each) => ["--join", each]) });
  await cluster.add("bun");
  await cluster.add("deno");
  await Promise.all(cluster.peers.map((peer) => peer.ready()));
});

afterAll(async () => {
  await early[Symbol.asyncDispose]();
  await Promise.all([cluster[Symbol.asyncDispose](), stranger[Symbol.asyncDispose]()]);
});

async function members(): Promise<readonly NodeInfo[]> {
  await using client = await connectClient(await cluster.reach());
  return await client.nodes();
}

async function expectMembers(names: readonly string[]): Promise<void> {
  let seen: string[] = [];
  await eventually(
    async () => {
      seen = (await members()).filter(({ state }) => state === "up").map(({ name }) => name).sort();
      return seen.join() === names.join();
    },
    PATIENCE_MS,
    200,
  );
  expect(seen).toEqual([...names]);
}

/** Submits commands until the peer has completed one of them. */
async function expectWorks(peerAt: number): Promise<void> {
  const peer = cluster.peers[peerAt]!;
  await using client = await connectClient(await cluster.reach());
  const seenCount = peer.events.length;
  const hasDone = (): boolean => peer.events.slice(seenCount).some(({ event }) => event === "task:done");
  const works = await eventually(async () => {
    const handles = await client.submitMany(
      exec,
      Array.from({ length: 8 }, () => ({ input: { argv: ["true"] } })),
    );
    await Promise.all(handles.map((handle) => handle.done()));
    return hasDone();
  });
  expect(works).toBe(true);
}

test("a fourth peer joins and completes work", async () => {
  const fourth = await cluster.add("node");
  const ready = await fourth.ready();
  expect(ready.members).toBe(4);
  await expectMembers(["bun-1", "deno-2", "node-0", "node-3"]);
  await expectWorks(3);
});

test("a peer that is told to stop leaves, and exits with 0", async () => {
  const [first] = cluster.peers;
  await first!.stop();
  expect(first!.child.exitCode).toBe(0);
  expect(first!.events.at(-1)?.event).toBe("stopped");
  await expectMembers(["bun-1", "deno-2", "node-3"]);
  await expectWorks(3);
  // it was seen to come back as a member that is not there
  const isBack = async (): Promise<boolean> => (await members()).length > 3;
  expect(await eventually(isBack, 3000, 200)).toBe(false);
});

test("a client that was connected to the founder only finds those who came later", async () => {
  const handle = await early.submit(exec, { argv: ["true"] });
  expect((await handle.done()).state).toBe("completed");
  const names = (await early.nodes()).filter(({ state }) => state === "up").map(({ name }) => name).sort();
  expect(names).toEqual(["bun-1", "deno-2", "node-3"]);
});

test("a peer in memory that is killed comes back under its name", async () => {
  const victim = cluster.peers[2]!;
  victim.signal("SIGKILL");
  await victim.exited;
  const again = await cluster.add("deno", { name: "deno-2" });
  await again.ready();
  expect(again.events[0]?.node).not.toBe(victim.events[0]?.node);
  await expectMembers(["bun-1", "deno-2", "node-3"]);
  const isForgotten = async (): Promise<boolean> =>
    (await members()).every(({ node }) => node !== victim.events[0]?.node);
  expect(await eventually(isForgotten, PATIENCE_MS, 200)).toBe(true);
  await expectWorks(4);
});

test("a peer with the name of a live one is refused, and exits with 2", async () => {
  const join = (await cluster.addresses()).flatMap((each) => ["--join", each]);
  const own = ["--namespace", cluster.namespace, "--no-mdns", "--name", "bun-1", ...ARGS];
  const refused = await stolos("node", ["peer", "--json", ...own, ...join]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('refused: another member is named "bun-1"');
  await expectMembers(["bun-1", "deno-2", "node-3"]);
});

test("a peer of another namespace is never let in", async () => {
  const [peer] = stranger.peers;
  expect(peer!.isRunning).toBe(true);
  expect(peer!.events.map(({ event }) => event)).not.toContain("ready");
  expect(peer!.events.map(({ event }) => event)).not.toContain("member:up");
  const all = await members();
  expect(all.map(({ node }) => node)).not.toContain(peer!.events[0]?.node);
});
