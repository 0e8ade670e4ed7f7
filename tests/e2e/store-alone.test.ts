/** One durable node alone that is killed: what ran, what waits for its time or its next attempt goes on. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client, TaskInfo } from "../../mod.ts";
import { exec } from "../../src/cli/exec/exec.ts";
import { DurableCluster } from "../support/durable-cluster.ts";
import { eventually, PATIENCE_MS } from "../support/drill.ts";

const DELAY_MS = 8000;

test("a node alone that was killed goes on with its tasks, retries and delays", async () => {
  const directory = mkdtempSync(join(tmpdir(), "stolos-alone-"));
  const marker = join(directory, "marker");
  try {
    await using cluster = await DurableCluster.create({
      namespace: `alone-${process.pid}`,
      names: ["a"],
      directory,
    });
    cluster.start();
    await cluster.ready();
    const delayedAt = Date.now();
    const before = await firstLife(cluster, marker);
    await cluster.kill();
    writeFileSync(marker, "");
    cluster.start();
    await cluster.ready();
    await using client = await cluster.client();
    // what waited waits still, with all that was known of it
    const sleeper = await client.get("sleeper");
    // but for its age, and the seconds until its next attempt
    expect(withoutCountdown(sleeper)).toEqual(withoutCountdown(before));
    await isCompleted(client, ["done", "running", "retried", "delayed"]);
    expect((await client.get("done"))?.attempt).toBe(1);
    expect((await client.get("running"))?.attempt).toBe(2);
    const retried = await client.get("retried");
    expect(retried?.attempt).toBeGreaterThan(1);
    expect(retried?.errors.length).toBeGreaterThan(0);
    const delayed = await client.get("delayed");
    expect(delayed?.attempt).toBe(1);
    expect(Date.parse(delayed?.startedAt ?? "")).toBeGreaterThanOrEqual(delayedAt + DELAY_MS);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

function withoutCountdown(task: TaskInfo | undefined): Partial<TaskInfo> {
  const { ageMs: _, ...rest } = task ?? { ageMs: 0 };
  return { ...rest, why: task?.why?.replace(/in \d+ s/, "") ?? null };
}

/** Tells what sleeps after an error. */
async function firstLife(cluster: DurableCluster, marker: string): Promise<TaskInfo | undefined> {
  await using client = await cluster.client();
  await client.submit(exec, { argv: ["true"] }, { id: "delayed", delayMs: DELAY_MS });
  const untilMarked = ["sh", "-c", 'until [ -e "$0" ]; do sleep 0.1; done', marker];
  await client.submit(exec, { argv: untilMarked }, { id: "running" });
  await client.submit(exec, { argv: ["test", "-e", marker] }, { id: "retried", attempts: 9 });
  await client.submit(exec, { argv: ["false"] }, { id: "sleeper" });
  const done = await client.submit(exec, { argv: ["true"] }, { id: "done" });
  await done.done();
  let sleeper: TaskInfo | undefined;
  const hasFailed = async (): Promise<boolean> => {
    sleeper = await client.get("sleeper");
    const [retried, running] = [await client.get("retried"), await client.get("running")];
    const isRunning = running?.state === "leased";
    return isRunning && sleeper?.state === "sleeping" && (retried?.errors.length ?? 0) > 0;
  };
  expect(await eventually(hasFailed)).toBe(true);
  return sleeper;
}

async function isCompleted(client: Client, ids: readonly string[]): Promise<void> {
  const states: Record<string, string | undefined> = {};
  await eventually(
    async () => {
      for (const id of ids) states[id] = (await client.get(id))?.state;
      return ids.every((id) => states[id] === "completed");
    },
    PATIENCE_MS,
    200,
  );
  expect(states).toEqual(Object.fromEntries(ids.map((id) => [id, "completed"])));
}
