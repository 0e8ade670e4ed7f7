/**
 * Commands to tasks in whole clusters on virtual time: acked, ordered, none lost, whether the task runs, is
 * paused, sleeps, is handed over, or has lost its owner (Metafora's #137, and its swallowed commands).
 */
import { expect, test } from "bun:test";
import { defineTask, NotFoundError, StateError, statefulHandler, type TaskMessage } from "../../mod.ts";
import { simulate, type SimulatedCluster } from "../../src/testing/kit.ts";

const START_MS = Date.UTC(2030, 0, 1);
const OPTIONS = { nodes: 3, options: { partitions: 8 }, startAt: new Date(START_MS) };
const stream = defineTask<null, string>({ name: "stream" });

async function streaming(seed: number): Promise<SimulatedCluster> {
  const cluster = simulate({ ...OPTIONS, seed });
  cluster.handle(stream, async (_task, ctx) => {
    await cluster.delay(3_600_000, ctx.signal);
    return "over";
  });
  await cluster.submit(stream, null, { id: "s" });
  await cluster.until(() => cluster.runs("s").length > 0);
  return cluster;
}

function command(cluster: SimulatedCluster, message: TaskMessage, id = "s"): Promise<string> {
  return cluster.until(cluster.client.command(id, message));
}

async function stateOf(cluster: SimulatedCluster, id = "s"): Promise<string | undefined> {
  return (await cluster.until(cluster.client.get(id)))?.state;
}

test("a pause ends the attempt and holds when its node is gone; run resumes it", async () => {
  await using cluster = await streaming(1);
  expect(await command(cluster, { type: "pause" })).toBe("queued");
  await cluster.advance(1000);
  expect(await stateOf(cluster)).toBe("paused");
  cluster.crash(cluster.runs("s")[0]!.node);
  await cluster.advance(60_000);
  expect([await stateOf(cluster), cluster.runs("s").length]).toEqual(["paused", 1]);
  expect(await command(cluster, { type: "run" })).toBe("applied");
  await cluster.until(() => cluster.runs("s").length === 2);
  cluster.noOverlap();
});

test("a sleeping task wakes at its time and not before, on whoever is there then", async () => {
  await using cluster = await streaming(2);
  const untilMs = START_MS + cluster.now() + 30_000;
  await command(cluster, { type: "sleep", untilMs });
  await cluster.advance(1000);
  cluster.crash(cluster.runs("s")[0]!.node);
  await cluster.until(() => cluster.runs("s").length === 2);
  expect(START_MS + cluster.runs("s")[1]!.startMs).toBeGreaterThanOrEqual(untilMs);
  expect(START_MS + cluster.runs("s")[1]!.startMs).toBeLessThan(untilMs + 2000);
});

test("a shorter sleep overrides a longer one", async () => {
  await using cluster = await streaming(3);
  const nowMs = START_MS + cluster.now();
  await command(cluster, { type: "sleep", untilMs: nowMs + 3_600_000 });
  await cluster.advance(2000);
  await command(cluster, { type: "sleep", untilMs: nowMs + 10_000 });
  await cluster.advance(12_000);
  expect(cluster.runs("s")).toHaveLength(2);
});

test("a kill that its owner never hears is carried out when the owner's lease has ended", async () => {
  await using cluster = await streaming(4);
  const { node } = cluster.runs("s")[0]!;
  const others = [0, 1, 2].filter((no) => no !== node);
  cluster.partition([node], others);
  // the steward may have been the owner: others stand first
  await cluster.advance(1000);
  const { client } = cluster.node(others[0]!);
  const kill: Promise<string> = client.command("s", { type: "kill" }, { timeoutMs: 60_000 });
  const status = await cluster.until(kill, { timeoutMs: 60_000 });
  expect(["queued", "applied"]).toContain(status);
  await cluster.advance(20_000);
  expect((await cluster.until(client.get("s")))?.state).toBe("killed");
  cluster.heal();
  await cluster.advance(20_000);
  expect(cluster.runs("s")).toHaveLength(1);
  cluster.noOverlap();
});

test("commands come in the order in which they were given, each once, over attempts", async () => {
  await using cluster = simulate({ ...OPTIONS, seed: 5 });
  const read: string[] = [];
  cluster.handle(
    stream,
    statefulHandler(async (_task, commands) => {
      for await (const command of commands) {
        read.push(command.type);
        if (command.type !== "checkpoint") return command;
      }
      return { type: "release" };
    }),
  );
  await cluster.submit(stream, null, { id: "s" });
  await cluster.until(() => cluster.runs("s").length > 0);
  for (const type of ["checkpoint", "checkpoint", "pause", "run", "kill"] as const) {
    await command(cluster, { type });
  }
  await cluster.advance(5000);
  expect(await stateOf(cluster)).toBe("killed");
  expect(read.slice(0, 3)).toEqual(["checkpoint", "checkpoint", "pause"]);
});

test("a task that never was, or has ended, refuses commands by name", async () => {
  await using cluster = await streaming(6);
  await expect(command(cluster, { type: "pause" }, "nobody")).rejects.toBeInstanceOf(NotFoundError);
  await command(cluster, { type: "complete" });
  await cluster.advance(1000);
  await expect(command(cluster, { type: "kill" })).rejects.toBeInstanceOf(StateError);
  expect(await stateOf(cluster)).toBe("completed");
});

test("all eight messages are taken, and malformed ones are refused before anything is sent", async () => {
  await using cluster = await streaming(7);
  const untilMs = START_MS + 1e9;
  const all: TaskMessage[] = [
    ...(["checkpoint", "run", "release", "pause", "run"] as const).map((type) => ({ type })),
    { type: "sleep", untilMs },
    { type: "run" },
    { type: "error", message: "broken" },
    { type: "kill" },
  ];
  for (const message of all) {
    await command(cluster, message);
    await cluster.advance(3000);
  }
  expect(await stateOf(cluster)).toBe("killed");
  const bad = [{}, null, { type: "" }, { type: "sleep" }, { type: "error" }, { type: "stop" }];
  for (const message of bad) {
    await expect(cluster.client.command("s", message as TaskMessage)).rejects.toThrow(
      "Cannot command a task",
    );
  }
});

test("the error of a command is kept as text and shown to whoever asks", async () => {
  await using cluster = await streaming(8);
  await command(cluster, { type: "error", message: "disk on fire: «é»" });
  await cluster.advance(1000);
  const info = await cluster.until(cluster.client.get("s"));
  expect(info).toMatchObject({ state: "sleeping" });
  expect(info?.errors.map(({ message }) => message)).toEqual(["disk on fire: «é»"]);
});

test("in a drain the next attempt starts with what the one before handed over", async () => {
  await using cluster = simulate({ ...OPTIONS, seed: 9 });
  const states: unknown[] = [];
  cluster.handle(stream, async (task, ctx) => {
    states.push(task.state);
    ctx.onHandOff(() => ({ seen: states.length }));
    await cluster.delay(3_600_000, ctx.signal);
    return "over";
  });
  await cluster.submit(stream, null, { id: "s" });
  await cluster.until(() => cluster.runs("s").length > 0);
  const { node } = cluster.runs("s")[0]!;
  await cluster.until(cluster.node(node).drain());
  await cluster.until(() => cluster.runs("s").length === 2);
  expect(states).toEqual([undefined, { seen: 1 }]);
  expect(cluster.runs("s")[1]!.node).not.toBe(node);
  cluster.noOverlap();
});
