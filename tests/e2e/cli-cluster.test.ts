/**
 * One end-to-end test, passed by a mixed cluster and by one of Node alone: the JSON contract of the command
 * line, a failed and a delayed command, a SIGKILL with its takeover, and a drain.
 */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beatingCommand } from "../../examples/demo/command.ts";
import type { PeerProcess, Runtime } from "../../examples/demo/peer-process.ts";
import { readAttempts, tally } from "../../examples/demo/tally.ts";
import { connectClient } from "../../mod.ts";
import { exec } from "../../src/cli/exec/exec.ts";
import { Cluster, stolos } from "../support/cluster.ts";
import type { CommandResult } from "../support/cluster.ts";
import { eventually, PATIENCE_MS } from "../support/drill.ts";
import { IS_FURTHER } from "../support/runtimes.ts";

const CLUSTERS: readonly (readonly Runtime[])[] = [
  IS_FURTHER ? ["node", "node", "node"] : ["bun", "deno", "node"],
];

const TASK_KEYS = [
  ...["id", "name", "state", "owner", "ownerName", "fence", "attempt", "leaseRemainingMs", "submittedAt"],
  ...["startedAt", "finishedAt", "errors", "result", "progress", "partition", "keepers", "why", "commands"],
  ...["input", "tags", "ageMs"],
  ...["wakeAt", "expiresAt", "failedBecause", "lapses"],
];
const NODE_KEYS = [
  ...["node", "name", "state", "self", "tasks", "load", "keeps", "stewardOf", "labels", "version"],
  ...["addresses", "lastHeardMs", "frozen", "serves", "leaving"],
];
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

for (const runtimes of CLUSTERS) {
  test(`a cluster of ${runtimes.join(", ")} keeps the contract and loses nothing`, async () => {
    const directory = mkdtempSync(join(tmpdir(), "stolos-e2e-"));
    try {
      const args = ["--label", "zone=a"];
      await using cluster = await Cluster.start({
        namespace: `e2e-${process.pid}-${runtimes.join("")}`,
        runtimes,
        args,
        directory,
      });
      await endToEnd(cluster, runtimes[1] ?? "node", directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}

type Run = (...args: string[]) => Promise<CommandResult>;

async function endToEnd(cluster: Cluster, runtime: Runtime, directory: string): Promise<void> {
  const run: Run = async (command = "", ...args) => {
    return await stolos(runtime, [command, ...await cluster.clientArgs(), ...args]);
  };
  for (const peer of cluster.peers) checkStart(peer);
  await checkNodes(run);
  await checkSubmit(run, directory);
  await checkFailure(run);
  await checkMissing(run);
  const ids = await submitBeats(cluster, run, directory);
  await takeOver(cluster, run, ids, directory);
  await checkDrain(cluster, run);
}

function checkStart(peer: PeerProcess): void {
  const [listening] = peer.events;
  expect(listening).toMatchObject({ event: "listening", node: expect.any(String), name: expect.any(String) });
  expect(listening?.addresses?.length).toBeGreaterThan(0);
  const ready = peer.events.find((event) => event.event === "ready");
  expect(ready).toMatchObject({ node: listening?.node, epoch: expect.any(Number), members: 3 });
}

async function checkNodes(run: Run): Promise<void> {
  const nodes = (await run("nodes", "--json")).json();
  expect(nodes.length).toBe(3);
  for (const node of nodes) {
    expect(Object.keys(node)).toEqual(NODE_KEYS);
    expect(node).toMatchObject({ labels: { zone: "a" }, addresses: expect.any(Array), tasks: 0 });
  }
  expect(nodes.reduce((sum, node) => sum + Number(node.stewardOf), 0)).toBe(128);
  expect((await run("nodes")).stdout).toContain("survives 1 more failure");
}

async function checkSubmit(run: Run, directory: string): Promise<void> {
  const command = ["--", "sh", "-c", "echo said $STOLOS_TASK_ID $STOLOS_FENCE $STOLOS_ATTEMPT; echo no >&2"];
  const submitted = await run("submit", "--json", "--wait", "--id", "a/b", ...command);
  expect(submitted.json()).toEqual([
    { id: "a/b", created: true },
    { id: "a/b", state: "completed", result: { code: 0 } },
  ]);
  expect(submitted.code).toBe(0);
  const again = await run("submit", "--json", "--id", "a/b", ...command);
  expect(again.json()).toEqual([{ id: "a/b", created: false }]);
  const other = await run("submit", "--json", "--id", "a/b", "--", "false");
  expect({ code: other.code, stdout: other.stdout }).toEqual({ code: 1, stdout: "" });

  const [task] = (await run("task", "--json", "a/b")).json();
  expect(Object.keys(task ?? {})).toEqual(TASK_KEYS);
  // Read before the matchers: bun's toMatchObject writes them into the object.
  const fence = String(task?.fence);
  expect(fence).toMatch(/^\d+$/);
  expect(task).toMatchObject({
    id: "a/b",
    name: "exec",
    state: "completed",
    attempt: 1,
    errors: [],
    progress: null,
  });
  expect(task?.result).toEqual({ code: 0 });
  expect(task).toMatchObject({
    submittedAt: expect.stringMatching(ISO),
    finishedAt: expect.stringMatching(ISO),
  });
  expect(task?.keepers).toHaveLength(3);
  // in the directory of the peer that ran it
  const ranIn = readdirSync(directory).map((name) => join(directory, name))
    .find((each) => existsSync(join(each, "a%2Fb.out"))) ?? directory;
  const out = readFileSync(join(ranIn, "a%2Fb.out"), "utf8").split("\n");
  expect(out[0]).toMatch(/^=== attempt 1 fence \d+ node \S+ \d{4}-/);
  expect(out[1]).toBe(`said a/b ${fence} 1`);
  expect(readFileSync(join(ranIn, "a%2Fb.err"), "utf8").split("\n")[1]).toBe("no");
}

async function checkFailure(run: Run): Promise<void> {
  const failed = await run(
    "submit",
    "--json",
    "--wait",
    "--retry",
    "1",
    "--id",
    "fails",
    "--",
    "sh",
    "-c",
    "echo no luck >&2; exit 3",
  );
  expect(failed.code).toBe(4);
  expect(failed.json()[1]).toMatchObject({ id: "fails", state: "failed", result: null });
  expect(failed.stderr).toMatch(/attempt 1 failed: exit code 3(; next try in [\d.]+m?s)?\n {2}no luck\n/);
  expect(failed.stderr).toMatch(/attempt 2 failed: exit code 3\n {2}no luck\n/);
  const [task] = (await run("task", "--json", "fails")).json();
  expect(task).toMatchObject({ state: "failed", attempt: 2 });
  expect(JSON.stringify(task?.errors)).toContain("exit code 3");
  const none = await run("submit", "--json", "--wait", "--retry", "5", "--", "/no/such/command");
  expect({ code: none.code, state: none.json()[1]?.state }).toEqual({ code: 4, state: "failed" });
  const once = await run("submit", "--wait", "--id", "once", "--", "false");
  expect(once).toMatchObject({ code: 4, stdout: "once\nfailed exit code 1\n" });
  expect(once.stderr).toContain("attempt 1 failed: exit code 1\n");
}

async function checkMissing(run: Run): Promise<void> {
  const missing = await run("task", "--json", "nobody");
  expect({ code: missing.code, stdout: missing.stdout }).toEqual({ code: 3, stdout: "" });
  expect((await run("tasks", "--node", "nobody")).code).toBe(3);
}

async function submitBeats(cluster: Cluster, run: Run, directory: string): Promise<string[]> {
  const { namespace } = cluster;
  await using client = await connectClient({ namespace, join: await cluster.addresses(), mdns: false });
  const specs = Array.from({ length: 9 }, (_, index) => {
    const id = `beat-${index}`;
    return { id, input: { argv: beatingCommand(id, join(directory, `${id}.log`), 18_000) } };
  });
  const ids = (await client.submitMany(exec, specs)).map((handle) => handle.id);
  await eventually(() => readAttempts(directory).length === ids.length);
  const leased = (await run("tasks", "--json", "--state", "leased")).json();
  expect(leased.map((task) => task.id).sort()).toEqual(ids);
  for (const task of leased) {
    expect(task).toMatchObject({ name: "exec", owner: expect.any(String), attempt: 1 });
  }
  return ids;
}

async function takeOver(
  cluster: Cluster,
  run: Run,
  ids: readonly string[],
  directory: string,
): Promise<void> {
  const load = (peer: PeerProcess): number =>
    peer.events.filter((event) => event.event === "task:start").length;
  const victim = cluster.peers.reduce((most, peer) => load(peer) > load(most) ? peer : most);
  // younger ones would be suspected of the kill, and wait for the peer
  const isGrownUp = (): boolean =>
    readAttempts(directory).every(({ firstNs, lastNs }) => lastNs - firstNs > 6_000_000_000n);
  expect(await eventually(isGrownUp, PATIENCE_MS, 100)).toBe(true);
  victim.signal("SIGKILL");
  await eventually(() => tally(ids, readAttempts(directory)).lost.length === 0, PATIENCE_MS, 200);
  expect(tally(ids, readAttempts(directory))).toMatchObject({
    completed: ids.length,
    overlapped: [],
    lost: [],
  });
  // one whose end was not recorded any more runs again: a young one after the pause of a suspect
  const missing = async (): Promise<string[]> => {
    const completed = (await run("tasks", "--json", "--state", "completed")).json().map((task) => task.id);
    return ids.filter((id) => !completed.includes(id));
  };
  await eventually(async () => (await missing()).length === 0, 2 * PATIENCE_MS, 500);
  expect(await missing()).toEqual([]);
}

/** A drained peer releases what it runs; the last two are both needed, so the task waits and says why. */
async function checkDrain(cluster: Cluster, run: Run): Promise<void> {
  await run("submit", "--json", "--id", "endless", "--", "sleep", "600");
  const isStart = (peer: PeerProcess): boolean => peer.events.some((event) => event.task === "endless");
  await eventually(() => cluster.peers.some((peer) => peer.isRunning && isStart(peer)));
  const owner = cluster.peers.find((peer) => peer.isRunning && isStart(peer));
  await owner?.stop();
  expect(owner?.child.exitCode).toBe(0);
  const last = owner?.events.filter((event) => event.task === "endless" || event.task === undefined).slice(
    -3,
  );
  expect(last?.map((event) => event.event)).toEqual(["draining", "task:released", "stopped"]);
}
