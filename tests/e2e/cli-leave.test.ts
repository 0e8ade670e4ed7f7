/** `stolos leave`: a node with a directory leaves for good; it is refused where that would cost a quorum. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectClient, StateError } from "../../mod.ts";
import { Cluster, type CommandResult, stolos } from "../support/cluster.ts";
import { eventually } from "../support/drill.ts";

const RUNTIMES = ["node", "bun", "deno", "bun"] as const;
let cluster: Cluster;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "stolos-leave-"));
  // patient with a busy machine: nobody shall be lost whom the test does not kill
  const args = ["--lease-ttl", "10s", "--evict-after", "300s"];
  cluster = await Cluster.start({ namespace: `leave-${process.pid}`, runtimes: RUNTIMES, args, directory });
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

async function leave(...args: string[]): Promise<CommandResult> {
  return await stolos("bun", ["leave", ...await cluster.clientArgs(), ...args]);
}

test("a node with a directory leaves: others keep what it kept, and its process ends with 0", async () => {
  await using client = await connectClient(await cluster.reach());
  const left = await leave("--json", "bun-3");
  expect(left.code).toBe(0);
  expect(left.json()).toEqual([{
    node: cluster.peers[3]!.events[0]!.node,
    name: "bun-3",
    command: "leave",
    members: 3,
    survives: 1,
  }]);
  expect(left.stderr).toContain("bun-3 leaves: others take over what it keeps");
  await cluster.peers[3]!.exited;
  expect(cluster.peers[3]!.child.exitCode).toBe(0);
  expect(cluster.peers[3]!.events.at(-1)).toMatchObject({ event: "stopped", left: true });
  const whole = async (): Promise<boolean> => {
    const health = await client.health();
    return health.whole === health.partitions && health.keepersMin === 3;
  };
  expect(await eventually(whole)).toBe(true);
  const again = await leave("bun-3");
  expect([again.code, again.stderr]).toEqual([
    3,
    'stolos: no node is called "bun-3": it has left, or never was a member\n',
  ]);
});

test("while another is down nobody may leave, and one that is down is put out by the others", async () => {
  await using client = await connectClient(await cluster.reach());
  cluster.peers[2]!.signal("SIGKILL");
  const isMissed = async (): Promise<boolean> => (await client.health()).survives === 0;
  expect(await eventually(isMissed)).toBe(true);
  const refused = await leave("node-0");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(
    'Cannot have node "node-0" leave now: one more loss would cost 128 of 128',
  );
  expect(refused.stderr).toContain("deno-2 (down) does not serve. Nothing was done");
  const dead = await leave("deno-2");
  expect(dead.code).toBe(1);
  expect(dead.stderr).toContain('Cannot have node "deno-2" leave: it is down, last heard');
  expect(dead.stderr).toContain("300 s after they last heard it the others put it out");
  await expect(client.commandNode("node-0", { type: "leave" })).rejects.toThrow(StateError);
  await expect(client.commandNode("deno-2", { type: "leave" })).rejects.toThrow(StateError);
  expect((await client.nodes()).map(({ name, leaving }) => [name, leaving]).toSorted()).toEqual([
    ["bun-1", false],
    ["deno-2", false],
    ["node-0", false],
  ]);
});
