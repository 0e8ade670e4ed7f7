/**
 * The commands of `stolos` that are about nodes, on real peers of all runtimes: ring, watch, freeze,
 * unfreeze, balance, drain; their JSON, their exit codes and what they say when it goes wrong.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { commandOn } from "../../examples/demo/peer-process.ts";
import type { Runtime } from "../../examples/demo/peer-process.ts";
import { connectClient } from "../../mod.ts";
import type { Client, NodeInfo } from "../../mod.ts";
import { exec } from "../../src/cli/exec/exec.ts";
import { Cluster, stolos } from "../support/cluster.ts";
import type { CommandResult } from "../support/cluster.ts";
import { eventually } from "../support/drill.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const directory = mkdtempSync(join(tmpdir(), "stolos-nodes-"));
let cluster: Cluster;
let reach: readonly string[];
/** Looks on; what is tested goes through the command line. */
let client: Client & AsyncDisposable;

beforeAll(async () => {
  cluster = await Cluster.start({
    namespace: `nodes-${process.pid}`,
    runtimes: RUNTIMES,
    args: ["--lease-ttl", "10s"],
  });
  reach = await cluster.clientArgs();
  client = await connectClient(await cluster.reach());
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

const run = (runtime: Runtime, command: string, ...args: readonly string[]): Promise<CommandResult> =>
  stolos(runtime, [command, ...reach, ...args]);

const idOf = (peerAt: number): string => cluster.peers[peerAt]?.events[0]?.node ?? "";

async function infoOf(peerAt: number): Promise<NodeInfo | undefined> {
  return (await client.nodes()).find(({ node }) => node === idOf(peerAt));
}

/** A command that ends when there is a file of that name. */
const untilFile = (name: string): { argv: string[] } => ({
  argv: ["sh", "-c", `until [ -e "$0" ]; do sleep 0.1; done`, join(directory, name)],
});

/** `stolos watch --json` as it runs; ended by SIGINT. */
async function watching(
  runtime: Runtime,
  use: (events: readonly Record<string, unknown>[]) => Promise<void>,
): Promise<number | null> {
  const [command = "", ...args] = commandOn(runtime, "src/cli/main.ts", ["watch", ...reach, "--json"]);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  const events: Record<string, unknown>[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => events.push(JSON.parse(line)));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  try {
    await use(events);
    child.kill("SIGINT");
    return await ended;
  } finally {
    child.kill("SIGKILL");
  }
}

for (const runtime of RUNTIMES) {
  test(`${runtime}: ring shows every member's share, and the shares of all are one`, async () => {
    const shown = await run(runtime, "ring", "--json");
    expect({ code: shown.code, stderr: shown.stderr }).toEqual({ code: 0, stderr: "" });
    const shares = shown.json();
    expect(shares.map(({ name }) => name)).toEqual(["bun-1", "deno-2", "node-0"]);
    for (const share of shares) {
      expect(Object.keys(share)).toEqual([
        ...[
          "node",
          "name",
          "state",
          "ringShare",
          "keeps",
          "keepsShare",
          "stewardOf",
          "stewardShare",
          "tasks",
        ],
      ]);
      expect(share).toMatchObject({ state: "up", keeps: 128, keepsShare: 0.333333 });
      expect(Number(share.ringShare)).toBeGreaterThan(0);
    }
    for (const key of ["ringShare", "keepsShare", "stewardShare"]) {
      expect(shares.reduce((sum, share) => sum + Number(share[key]), 0)).toBeCloseTo(1, 5);
    }
  });

  test(
    `${runtime}: watch tells of a task's owner and end as they come, and SIGINT ends it with 0`,
    async () => {
      const id = `watched-${runtime}`;
      const code = await watching(runtime, async (events) => {
        const own = (): Record<string, unknown>[] => events.filter((event) => event.id === id);
        const handle = await client.submit(exec, untilFile(id), { id });
        expect(await eventually(() => own().length > 0)).toBe(true);
        const running = await client.get(id);
        writeFileSync(join(directory, id), "");
        expect((await handle.done()).state).toBe("completed");
        expect(await eventually(() => own().length > 1)).toBe(true);
        const [leased, completed] = own();
        expect(Object.keys(leased ?? {})).toEqual(["id", "state", "owner", "ownerName", "fence"]);
        const { owner, ownerName, fence } = running!;
        expect(leased).toEqual({ id, state: "leased", owner, ownerName, fence });
        expect(completed).toEqual({ id, state: "completed", owner: null, ownerName: null, fence });
      });
      expect(code).toBe(0);
    },
  );

  test(`${runtime}: freeze and unfreeze, by name and id, are done, shown and told`, async () => {
    const peer = cluster.peers[1]!;
    const frozen = await run(runtime, "freeze", "bun-1", "--json");
    expect({ code: frozen.code, stderr: frozen.stderr }).toEqual({ code: 0, stderr: "" });
    expect(frozen.json()).toEqual([{ node: idOf(1), name: "bun-1", command: "freeze" }]);
    expect(await eventually(async () => (await infoOf(1))?.frozen === true)).toBe(true);
    expect(peer.events.at(-1)).toMatchObject({ event: "frozen", node: idOf(1) });
    const thawed = await run(runtime, "unfreeze", idOf(1), "--json");
    expect(thawed.json()).toEqual([{ node: idOf(1), name: "bun-1", command: "unfreeze" }]);
    expect(await eventually(async () => (await infoOf(1))?.frozen === false)).toBe(true);
    expect(peer.events.at(-1)).toMatchObject({ event: "unfrozen", node: idOf(1) });
  });
}

test("a node that is not there is exit code 3, with its name on stderr", async () => {
  const commands = ["freeze", "unfreeze", "balance", "drain"];
  const results = await Promise.all(commands.map((command) => run("bun", command, "nobody", "--json")));
  for (const { code, stdout, stderr } of results) {
    expect([code, stdout, stderr]).toEqual([3, "", 'stolos: no node is called "nobody"\n']);
  }
});

test("without --json it is said in words", async () => {
  expect((await run("bun", "ring")).stdout).toMatch(/^NAME +STATE +RING +KEEPS +STEWARD OF +TASKS +NODE\n/);
  expect((await run("bun", "freeze", "bun-1")).stdout).toBe("bun-1 is frozen\n");
  const told = cluster.peers[1]!.events.length;
  expect((await run("bun", "freeze", "bun-1")).code).toBe(0);
  expect(await eventually(async () => (await infoOf(1))?.frozen === true)).toBe(true);
  expect((await run("bun", "nodes")).stdout).toContain("up, frozen");
  expect((await run("bun", "unfreeze", "bun-1")).stdout).toBe("bun-1 is not frozen\n");
  // the second freeze changed nothing, and nobody was told of it
  expect(cluster.peers[1]!.events.slice(told).map(({ event }) => event)).toEqual(["unfrozen"]);
});

test("balance is done by a frozen node, too", async () => {
  await client.commandNode("bun-1", { type: "freeze" });
  const balanced = await run("bun", "balance", "bun-1", "--json");
  expect([balanced.code, balanced.json()]).toEqual([0, [{
    node: idOf(1),
    name: "bun-1",
    command: "balance",
  }]]);
  await client.commandNode("bun-1", { type: "unfreeze" });
});

test("a task that only frozen nodes could run says so, and runs when one is unfrozen", async () => {
  await Promise.all(cluster.peers.map((_, at) => client.commandNode(idOf(at), { type: "freeze" })));
  const handle = await client.submit(exec, { argv: ["true"] }, { id: "thawing" });
  let why: unknown = null;
  await eventually(async () => {
    why = (await client.get("thawing"))?.why;
    return String(why).includes("frozen");
  });
  expect(why).toBe('all 3 nodes with a handler named "exec" are frozen: unfreeze one');
  await Promise.all(cluster.peers.map((_, at) => client.commandNode(idOf(at), { type: "unfreeze" })));
  expect((await handle.done()).state).toBe("completed");
});

test("a node that does not answer in time is exit code 2: whether it obeyed is not known", async () => {
  const peer = cluster.peers[2]!;
  peer.signal("SIGSTOP");
  try {
    const args = ["freeze", ...reach, "deno-2", "--timeout", "2s"];
    // asked through a member that runs
    const others = args.filter((_, at) => !args[at]?.includes(idOf(2)) && !args[at + 1]?.includes(idOf(2)));
    const late = await stolos("bun", others);
    expect([late.code, late.stdout]).toEqual([2, ""]);
    expect(late.stderr).toMatch(/Cannot (know whether node ".*" carried out "freeze"|freeze node ".*"): /);
  } finally {
    peer.signal("SIGCONT");
  }
  await client.commandNode("deno-2", { type: "unfreeze" });
});

test("a node that is drained gives back what it runs, and takes nothing more", async () => {
  const ids = Array.from({ length: 9 }, (_, at) => `drained-${at}`);
  await client.submitMany(exec, ids.map((id) => ({ id, input: untilFile("never") })));
  const ownersOf = async (): Promise<(string | null)[]> =>
    (await Promise.all(ids.map((id) => client.get(id)))).map((info) => info?.ownerName ?? null);
  expect(await eventually(async () => !(await ownersOf()).includes(null))).toBe(true);
  expect(await ownersOf()).toContain("node-0");
  const drained = await run("bun", "drain", "node-0", "--json");
  expect([drained.code, drained.json()]).toEqual([0, [{ node: idOf(0), name: "node-0", command: "drain" }]]);
  const isMoved = async (): Promise<boolean> => {
    const owners = await ownersOf();
    return !owners.includes(null) && !owners.includes("node-0");
  };
  expect(await eventually(isMoved)).toBe(true);
  expect(cluster.peers[0]?.events.map(({ event }) => event)).toContain("draining");
  expect(await eventually(async () => (await infoOf(0))?.state === "draining")).toBe(true);
  expect(cluster.peers[0]?.isRunning).toBe(true);
});
