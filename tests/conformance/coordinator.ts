/**
 * What every Coordinator must do, as tests that each implementation passes: coordinator.test.ts runs them.
 * The consumers here do nothing by themselves; each test decides how an attempt ends.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Coordinator, ListCursor, TaskEvent } from "../../src/coordinator/coordinator.ts";
import { StoppedError } from "../../src/base/errors.ts";
import { ANY_TASK } from "../../src/protocol/model/task-filter.ts";
import { commandTests, frozenTests } from "./coordinator-nodes.ts";
import type { Start } from "./hands.ts";
import { bytes, CALL, type MakeCoordinators, spec, TestCluster, text } from "./test-cluster.ts";

/** `make` makes a cluster's coordinators: they need not be ready yet. */
export function coordinatorConformance(name: string, make: MakeCoordinators): void {
  describe(name, () => {
    const cluster = new TestCluster();
    beforeAll(async () => await cluster.start(make));
    afterAll(async () => {
      await Promise.all(cluster.all.map((coordinator) => coordinator.stop()));
    });
    submitTests(cluster);
    readTests(cluster);
    attemptTests(cluster);
    timeTests(cluster);
    watchTests(cluster);
    capacityTests(cluster);
    frozenTests(cluster);
    commandTests(cluster);
    stopTests(cluster);
  });
}

/** Submitting. */
function submitTests(cluster: TestCluster): void {
  test("every member knows all members", async () => {
    const ids = cluster.all.map((coordinator) => coordinator.self).sort();
    for (const coordinator of cluster.all) {
      expect((await coordinator.nodes(CALL)).map((info) => info.node).sort()).toEqual(ids);
    }
  });

  test("a submit is recorded once: a repeat is the same, another payload conflicts", async () => {
    const first = spec("once", { name: "nobody" });
    expect(await cluster.any(0).submit([first], CALL)).toEqual(["created"]);
    expect(await cluster.any(1).submit([first], CALL)).toEqual(["created"]);
    expect(await cluster.any(1).submit([{ ...first, cid: first.cid + 1 }], CALL)).toEqual(
      [
        "exists",
      ],
    );
    expect(await cluster.any(2).submit([spec("once", { payload: bytes("other") })], CALL)).toEqual([
      "conflict",
    ]);
  });

  test("a chunk is answered in its order", async () => {
    await cluster.any(0).submit([spec("known", { name: "nobody" })], CALL);
    const chunk = [
      spec("new-1", { name: "nobody" }),
      spec("known", { name: "nobody" }),
      spec("new-2", { name: "nobody" }),
    ];
    expect(await cluster.any(1).submit(chunk, CALL)).toEqual(["created", "exists", "created"]);
  });
}

/** Reading. */
function readTests(cluster: TestCluster): void {
  test("any member says what is known of a task", async () => {
    await cluster.any(0).submit([spec("known-all")], CALL);
    const { task, settle } = await cluster.started("known-all");
    for (const coordinator of cluster.all) {
      const snapshot = await coordinator.get("known-all", CALL);
      expect(snapshot).toMatchObject({ state: "leased", fence: String(task.fence), attempt: 1, why: null });
      expect(cluster.all.map((each) => each.self)).toContain(snapshot?.owner ?? "");
      expect(snapshot?.leaseRemainingMs).toBeGreaterThan(0);
    }
    await settle({ type: "complete", result: null });
    expect(await cluster.any(1).get("known-all", CALL)).toMatchObject({ state: "completed", owner: null });
  });

  test("a task that nobody can run waits and says why", async () => {
    await cluster.any(0).submit([spec("lonely", { name: "unheard of" })], CALL);
    const snapshot = await cluster.any(1).get("lonely", CALL);
    expect(snapshot).toMatchObject({ state: "pending", owner: null, fence: "0" });
    expect(snapshot?.why).toContain('"unheard of"');
  });

  test("the outcome of a task that never was is unknown, and get finds nothing", async () => {
    expect(await cluster.any(0).outcome("never")).toMatchObject({ state: "unknown" });
    expect(await cluster.any(1).get("never", CALL)).toBeUndefined();
  });

  test("a listing finds every task of a state once", async () => {
    const ids = Array.from({ length: 300 }, (_, at) => `listed-${at}`);
    await cluster.any(0).submit(ids.map((id) => spec(id, { name: "nobody" })), CALL);
    const found: string[] = [];
    for (let from: ListCursor | null = { p: 0, after: "" }; from;) {
      const { tasks, next }: Awaited<ReturnType<Coordinator["list"]>> = await cluster.any(1).list(
        { ...ANY_TASK, states: ["pending"] },
        from,
        { ...CALL, limit: 40 },
      );
      found.push(...tasks.map((task) => task.id));
      from = next;
    }
    expect(found.filter((id) => id.startsWith("listed-")).sort()).toEqual(ids.sort());
  });
}

/** Attempts and how they end. */
function attemptTests(cluster: TestCluster): void {
  test("a task is granted to one consumer, whole, and its completion reaches whoever waits", async () => {
    await cluster.any(0).submit([spec("simple")], CALL);
    const outcomes = cluster.all.map((coordinator) => coordinator.outcome("simple"));
    const { task, settle } = await cluster.started("simple");
    expect(task).toMatchObject({ id: "simple", name: "work", attempt: 1, checkpoint: null });
    expect(text(task.payload)).toBe("payload of simple");
    expect(await settle({ type: "complete", result: bytes("result") })).toBe(true);
    for (const outcome of await Promise.all(outcomes)) {
      expect([outcome.state, text(outcome.result), outcome.fence]).toEqual([
        "completed",
        "result",
        task.fence,
      ]);
    }
  });

  test("a released task is granted again under a higher fence", async () => {
    await cluster.any(0).submit([spec("released")], CALL);
    const first = await cluster.started("released");
    expect(await first.settle({ type: "release" })).toBe(true);
    const second = await cluster.started("released");
    expect(second.task.fence).toBeGreaterThan(first.task.fence);
    expect(second.task.attempt).toBe(2);
    await second.settle({ type: "complete", result: null });
  });

  test("what is reported under an old fence is refused", async () => {
    await cluster.any(0).submit([spec("fenced")], CALL);
    const first = await cluster.started("fenced");
    await first.settle({ type: "release" });
    const second = await cluster.started("fenced");
    expect(await first.settle({ type: "complete", result: bytes("late") })).toBe(false);
    expect(await second.settle({ type: "complete", result: bytes("right") })).toBe(true);
    expect(text((await cluster.any(1).outcome("fenced")).result)).toBe("right");
  });

  test("a checkpoint is handed to the next attempt", async () => {
    await cluster.any(0).submit([spec("checkpointed")], CALL);
    const first = await cluster.started("checkpointed");
    expect(await first.settle({ type: "checkpoint", state: bytes("state 1") })).toBe(true);
    expect(await first.settle({ type: "checkpoint", state: bytes("state 2") })).toBe(true);
    await first.settle({ type: "release" });
    const second = await cluster.started("checkpointed");
    expect(text(second.task.checkpoint)).toBe("state 2");
    await second.settle({ type: "complete", result: null });
  });
}

/** What has to do with time. */
function timeTests(cluster: TestCluster): void {
  test("an error puts the task to sleep until its time, a last one fails it", async () => {
    await cluster.any(0).submit([spec("failing")], CALL);
    const first = await cluster.started("failing");
    const wakeAtMs = Date.now() + 300;
    await first.settle({ type: "error", message: "first", untilMs: wakeAtMs });
    expect(await cluster.any(1).get("failing", CALL)).toMatchObject({ state: "sleeping" });
    const second = await cluster.started("failing");
    expect(Date.now()).toBeGreaterThanOrEqual(wakeAtMs);
    expect(second.task.errorAgesMs).toHaveLength(1);
    await second.settle({ type: "fail", because: "errors", message: "second" });
    expect(await cluster.any(1).outcome("failing")).toMatchObject({ state: "failed", error: "second" });
    const snapshot = await cluster.any(2).get("failing", CALL);
    expect(snapshot?.errors.map(({ kind, message }) => [kind, message])).toEqual([["error", "first"], [
      "error",
      "second",
    ]]);
  });

  test("a task does not start before its time", async () => {
    const runAtMs = Date.now() + 300;
    await cluster.any(0).submit([spec("later", { runAtMs })], CALL);
    expect(await cluster.any(1).get("later", CALL)).toMatchObject({
      state: "sleeping",
      why: expect.any(String),
    });
    const { settle } = await cluster.started("later");
    expect(Date.now()).toBeGreaterThanOrEqual(runAtMs);
    await settle({ type: "complete", result: null });
  });

  test("a deadline lies ahead and is renewed while the lease holds", async () => {
    await cluster.any(0).submit([spec("renewed")], CALL);
    const { p, settle } = await cluster.started("renewed");
    const renewed = cluster.hands.map((each) => {
      const before = each.control.validUntilMs(p);
      return new Promise<boolean>((resolve) => {
        const end = each.control.onRenewed(p, () => (end(), resolve(each.control.validUntilMs(p) > before)));
      });
    });
    expect(
      cluster.hands.every((each) =>
        each.control.validUntilMs(p) > each.control.leaseMs() + each.control.marginMs
      ),
    ).toBe(true);
    expect(await Promise.all(renewed)).toEqual(cluster.all.map(() => true));
    await settle({ type: "complete", result: null });
  });
}

/** Events from the view. */
function watchTests(cluster: TestCluster): void {
  test("a watch hears who owns a task, and that it has ended", async () => {
    const left = new AbortController();
    const events: TaskEvent[] = [];
    const watched = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    void (async () => {
      for await (const batch of cluster.any(1).watch(left.signal)) {
        for (const event of batch ?? []) {
          if (event.id !== "watched") continue;
          events.push(event);
          if (event.owner !== null) watched.resolve();
          else ended.resolve();
        }
      }
    })();
    await cluster.any(0).submit([spec("watched")], CALL);
    const { task, settle } = await cluster.started("watched");
    await watched.promise;
    expect(events[0]).toMatchObject({
      state: "leased",
      fence: String(task.fence),
      ownerName: expect.any(String),
    });
    await settle({ type: "complete", result: null });
    await ended.promise;
    left.abort();
  });
}

/** Capacity. */
function capacityTests(cluster: TestCluster): void {
  test("a consumer is granted no more than it offers, and the rest when it has ended some", async () => {
    for (const each of cluster.hands) each.control.offer(0, ["work"], "up");
    cluster.hands[0]?.control.offer(2, ["work"], "up");
    const ids = ["cap-1", "cap-2", "cap-3"];
    await cluster.any(0).submit(ids.map((id) => spec(id)), CALL);
    const taken: Start[] = [];
    const takeSome = (): void => {
      for (const id of ids) {
        const found = cluster.hands[0]?.take(id);
        if (found) taken.push(found);
      }
    };
    while (taken.length < 2) {
      takeSome();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const waiting = ids.find((id) => !taken.some((each) => each.task.id === id)) ?? "";
    expect(await cluster.any(1).get(waiting, CALL)).toMatchObject({
      state: "pending",
      why: expect.any(String),
    });
    await taken[0]?.settle({ type: "complete", result: null });
    const third = await cluster.started(waiting);
    for (const each of [taken[1], third]) await each?.settle({ type: "complete", result: null });
    for (const each of cluster.hands) each.control.offer(20, ["work"], "up");
  });
}

/** The end; it comes last. */
function stopTests(cluster: TestCluster): void {
  test("stopping rejects what waits, and everything after it", async () => {
    const last = cluster.any(cluster.all.length - 1);
    const waiting = last.outcome("once").catch((error) => error);
    await last.stop();
    expect(await waiting).toBeInstanceOf(StoppedError);
    await expect(last.submit([spec("after")], CALL)).rejects.toThrow(StoppedError);
    await expect(last.get("once", CALL)).rejects.toThrow(StoppedError);
    const order = { node: last.name, command: { type: "freeze" }, cid: 1 } as const;
    await expect(last.commandNode(order, CALL)).rejects.toThrow(StoppedError);
  });
}
