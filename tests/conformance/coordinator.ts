/**
 * What every Coordinator must do, as tests that each implementation passes: coordinator.test.ts runs them.
 * The consumers here do nothing by themselves; each test tells them how an attempt ends.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Coordinator, TaskEvent } from "../../src/coordinator/coordinator.ts";
import { StoppedError } from "../../src/coordinator/errors.ts";
import type { TaskSpec } from "../../src/protocol/types.ts";
import { Hands, type Start } from "./hands.ts";

const CALL = { timeoutMs: 10_000 };
const text = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? new Uint8Array());
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

function spec(id: string, more: Partial<TaskSpec> = {}): TaskSpec {
  const firstSentAtMs = Date.now() + Math.random();
  return {
    id,
    name: "work",
    payload: bytes(`payload of ${id}`),
    attemptsMax: 0,
    runAtMs: 0,
    firstSentAtMs,
    ...more,
  };
}

/** `start` makes a cluster's coordinators: they need not be ready yet. */
export function coordinatorConformance(name: string, start: () => Promise<readonly Coordinator[]>): void {
  describe(name, () => {
    let all: readonly Coordinator[] = [];
    let hands: Hands[] = [];
    let wake: () => void = () => {};

    /** The next attempt at the task, wherever it runs. */
    const started = async (id: string): Promise<Start> => {
      for (;;) {
        const found = hands.map((each) => each.take(id)).find((each) => each !== undefined);
        if (found) return found;
        await new Promise<void>((resolve) => wake = resolve);
      }
    };
    /** A coordinator; not always the same one, so that answers do not depend on which is asked. */
    const any = (at: number): Coordinator => all[at % all.length] as Coordinator;

    beforeAll(async () => {
      all = await start();
      hands = all.map((coordinator) => new Hands(coordinator, () => wake()));
      for (const each of hands) each.control.offer(20, ["work"], false);
      await Promise.all(all.map((coordinator) => coordinator.ready()));
    }, 30_000);

    afterAll(async () => {
      await Promise.all(all.map((coordinator) => coordinator.stop()));
    }, 30_000);

    test("every member knows all members", async () => {
      const ids = all.map((coordinator) => coordinator.self).sort();
      for (const coordinator of all) {
        expect((await coordinator.nodes(CALL)).map((info) => info.node).sort()).toEqual(ids);
      }
    });

    test("a submit is recorded once: a repeat is the same, another payload conflicts", async () => {
      const first = spec("once", { name: "nobody" });
      expect(await any(0).submit([first], CALL)).toEqual(["created"]);
      expect(await any(1).submit([first], CALL)).toEqual(["created"]);
      expect(await any(1).submit([{ ...first, firstSentAtMs: first.firstSentAtMs + 1 }], CALL)).toEqual([
        "exists",
      ]);
      expect(await any(2).submit([spec("once", { payload: bytes("other") })], CALL)).toEqual(["conflict"]);
    });

    test("a chunk is answered in its order", async () => {
      await any(0).submit([spec("known", { name: "nobody" })], CALL);
      const chunk = [
        spec("new-1", { name: "nobody" }),
        spec("known", { name: "nobody" }),
        spec("new-2", { name: "nobody" }),
      ];
      expect(await any(1).submit(chunk, CALL)).toEqual(["created", "exists", "created"]);
    });

    test("a task is granted to one consumer, whole, and its completion reaches whoever waits", async () => {
      await any(0).submit([spec("simple")], CALL);
      const outcomes = all.map((coordinator) => coordinator.outcome("simple"));
      const { task, settle } = await started("simple");
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

    test("what is known of a task is told by any member", async () => {
      await any(0).submit([spec("known-all")], CALL);
      const { task, settle } = await started("known-all");
      for (const coordinator of all) {
        const snapshot = await coordinator.get("known-all", CALL);
        expect(snapshot).toMatchObject({ state: "leased", fence: String(task.fence), attempt: 1, why: null });
        expect(all.map((each) => each.self)).toContain(snapshot?.owner ?? "");
        expect(snapshot?.leaseRemainingMs).toBeGreaterThan(0);
      }
      await settle({ type: "complete", result: null });
      expect(await any(1).get("known-all", CALL)).toMatchObject({ state: "completed", owner: null });
    });

    test("a task that nobody can run waits and says why", async () => {
      await any(0).submit([spec("lonely", { name: "unheard of" })], CALL);
      const snapshot = await any(1).get("lonely", CALL);
      expect(snapshot).toMatchObject({ state: "pending", owner: null, fence: "0" });
      expect(snapshot?.why).toContain('"unheard of"');
    });

    test("a released task is granted again under a higher fence", async () => {
      await any(0).submit([spec("released")], CALL);
      const first = await started("released");
      expect(await first.settle({ type: "release" })).toBe(true);
      const second = await started("released");
      expect(second.task.fence).toBeGreaterThan(first.task.fence);
      expect(second.task.attempt).toBe(2);
      await second.settle({ type: "complete", result: null });
    });

    test("what is reported under an old fence is refused", async () => {
      await any(0).submit([spec("fenced")], CALL);
      const first = await started("fenced");
      await first.settle({ type: "release" });
      const second = await started("fenced");
      expect(await first.settle({ type: "complete", result: bytes("late") })).toBe(false);
      expect(await second.settle({ type: "complete", result: bytes("right") })).toBe(true);
      expect(text((await any(1).outcome("fenced")).result)).toBe("right");
    });

    test("a checkpoint is handed to the next attempt", async () => {
      await any(0).submit([spec("checkpointed")], CALL);
      const first = await started("checkpointed");
      expect(await first.settle({ type: "checkpoint", state: bytes("state 1") })).toBe(true);
      expect(await first.settle({ type: "checkpoint", state: bytes("state 2") })).toBe(true);
      await first.settle({ type: "release" });
      const second = await started("checkpointed");
      expect(text(second.task.checkpoint)).toBe("state 2");
      await second.settle({ type: "complete", result: null });
    });

    test("an error puts the task to sleep until its time, a last one fails it", async () => {
      await any(0).submit([spec("failing")], CALL);
      const first = await started("failing");
      const wakeAtMs = Date.now() + 300;
      await first.settle({ type: "error", message: "first", wakeAtMs });
      expect(await any(1).get("failing", CALL)).toMatchObject({ state: "sleeping" });
      const second = await started("failing");
      expect(Date.now()).toBeGreaterThanOrEqual(wakeAtMs);
      expect(second.task.errorAtMs).toHaveLength(1);
      await second.settle({ type: "fail", message: "second" });
      expect(await any(1).outcome("failing")).toMatchObject({ state: "failed", error: "second" });
      const snapshot = await any(2).get("failing", CALL);
      expect(snapshot?.errors.map(({ kind, message }) => [kind, message])).toEqual([["error", "first"], [
        "error",
        "second",
      ]]);
    });

    test("a task does not start before its time", async () => {
      const runAtMs = Date.now() + 300;
      await any(0).submit([spec("later", { runAtMs })], CALL);
      expect(await any(1).get("later", CALL)).toMatchObject({ state: "sleeping", why: expect.any(String) });
      const { settle } = await started("later");
      expect(Date.now()).toBeGreaterThanOrEqual(runAtMs);
      await settle({ type: "complete", result: null });
    });

    test("a deadline lies ahead and is renewed while the lease holds", async () => {
      await any(0).submit([spec("renewed")], CALL);
      const { p, settle } = await started("renewed");
      const renewed = hands.map((each) => {
        const before = each.control.deadlineMs(p);
        return new Promise<boolean>((resolve) => {
          const end = each.control.onDeadline(p, (deadlineMs) => (end(), resolve(deadlineMs > before)));
        });
      });
      expect(hands.every((each) => each.control.deadlineMs(p) > Date.now())).toBe(true);
      expect(await Promise.all(renewed)).toEqual(all.map(() => true));
      await settle({ type: "complete", result: null });
    });

    test("the outcome of a task that never was is unknown, and get finds nothing", async () => {
      expect(await any(0).outcome("never")).toMatchObject({ state: "unknown" });
      expect(await any(1).get("never", CALL)).toBeUndefined();
    });

    test("a listing finds every task of a state once", async () => {
      const ids = Array.from({ length: 300 }, (_, at) => `listed-${at}`);
      await any(0).submit(ids.map((id) => spec(id, { name: "nobody" })), CALL);
      const found: string[] = [];
      for (let from: { p: number; offset: number } | null = { p: 0, offset: 0 }; from;) {
        const { tasks, next }: Awaited<ReturnType<Coordinator["list"]>> = await any(1).list(
          { state: "pending" },
          from,
          CALL,
        );
        found.push(...tasks.map((task) => task.id));
        from = next;
      }
      expect(found.filter((id) => id.startsWith("listed-")).sort()).toEqual(ids.sort());
    });

    test("a watch hears who owns a task, and that it has ended", async () => {
      const left = new AbortController();
      const events: TaskEvent[] = [];
      const watched = Promise.withResolvers<void>();
      const ended = Promise.withResolvers<void>();
      void (async () => {
        for await (const batch of any(1).watch(left.signal)) {
          for (const event of batch) {
            if (event.id !== "watched") continue;
            events.push(event);
            if (event.owner !== null) watched.resolve();
            else ended.resolve();
          }
        }
      })();
      await any(0).submit([spec("watched")], CALL);
      const { task, settle } = await started("watched");
      await watched.promise;
      expect(events[0]).toMatchObject({
        state: "leased",
        fence: String(task.fence),
        ownerName: expect.any(String),
      });
      await settle({ type: "complete", result: null });
      await ended.promise;
      left.abort();
    }, 20_000);

    test("a consumer is granted no more than it offers, and the rest when it has ended some", async () => {
      for (const each of hands) each.control.offer(0, ["work"], false);
      hands[0]?.control.offer(2, ["work"], false);
      const ids = ["cap-1", "cap-2", "cap-3"];
      await any(0).submit(ids.map((id) => spec(id)), CALL);
      const taken: Start[] = [];
      const takeSome = (): void => {
        for (const id of ids) {
          const found = hands[0]?.take(id);
          if (found) taken.push(found);
        }
      };
      while (taken.length < 2) {
        takeSome();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const waiting = ids.find((id) => !taken.some((each) => each.task.id === id)) ?? "";
      expect(await any(1).get(waiting, CALL)).toMatchObject({ state: "pending", why: expect.any(String) });
      await taken[0]?.settle({ type: "complete", result: null });
      const third = await started(waiting);
      for (const each of [taken[1], third]) await each?.settle({ type: "complete", result: null });
      for (const each of hands) each.control.offer(20, ["work"], false);
    }, 20_000);

    test("stopping rejects what waits, and everything after it", async () => {
      const last = any(all.length - 1);
      const waiting = last.outcome("once").catch((error) => error);
      await last.stop();
      expect(await waiting).toBeInstanceOf(StoppedError);
      await expect(last.submit([spec("after")], CALL)).rejects.toThrow(StoppedError);
      await expect(last.get("once", CALL)).rejects.toThrow(StoppedError);
    });
  });
}
