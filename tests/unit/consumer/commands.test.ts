/** What commands do to attempts of plain and of stateful handlers. */
import { expect, test } from "bun:test";
import { CommandFeed } from "../../../src/consumer/command-feed.ts";
import type { Context } from "../../../src/consumer/context.ts";
import { statefulHandler } from "../../../src/consumer/stateful.ts";
import { decodeValue } from "../../../src/task/values.ts";
import { FatalError } from "../../../src/base/errors.ts";
import type { TaskMessage } from "../../../src/protocol/model/types.ts";
import { Bench } from "../../support/fake-coordinator.ts";

function untilAborted(ctx: Context): Promise<void> {
  return new Promise((_, reject) => {
    ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
  });
}

/** What each command makes of a plain handler that ends when its signal aborts. */
const ENDINGS: readonly (readonly [TaskMessage, object])[] = [
  [{ type: "pause" }, { type: "pause" }],
  [{ type: "kill" }, { type: "kill" }],
  [{ type: "release" }, { type: "release" }],
  [{ type: "sleep", untilMs: 8e15 }, { type: "sleep", untilMs: 8e15 }],
  [{ type: "complete" }, { type: "complete", result: null }],
  [{ type: "error", message: "broken" }, { type: "error", message: "broken" }],
];

for (const [message, settlement] of ENDINGS) {
  test(`${message.type} aborts a plain handler, and is recorded when it has ended`, async () => {
    const bench = new Bench();
    let reason: unknown;
    bench.handle(async (_task, ctx) => {
      ctx.signal.addEventListener("abort", () => reason = ctx.signal.reason.reason);
      await untilAborted(ctx);
    });
    bench.start(7);
    expect(bench.settled).toHaveLength(0);
    bench.consumer.command(1, 7, 9, message);
    expect(await bench.settlement()).toMatchObject({ upTo: 9, settlement });
    expect(reason).toBe(message.type);
  });
}

test("a command that ends the attempt is not acked by what the handler records before it ends", async () => {
  const bench = new Bench();
  bench.handle(async (_task, ctx) => {
    await untilAborted(ctx).catch(() => ctx.progress("cleaning up"));
    void ctx.checkpoint("cleaned up");
    ctx.signal.throwIfAborted();
  });
  bench.start(7);
  bench.consumer.command(1, 7, 9, { type: "kill" });
  await bench.settlement(3);
  expect(bench.settled.map(({ upTo, settlement }) => [settlement.type, upTo])).toEqual([
    ["progress", 0],
    ["checkpoint", 0],
    ["kill", 9],
  ]);
});

test("a plain handler that returns a value in spite of a command completes", async () => {
  const bench = new Bench();
  bench.handle(async (_task, ctx) => {
    await untilAborted(ctx).catch(() => {});
    return "done after all";
  });
  bench.start(7);
  bench.consumer.command(1, 7, 9, { type: "pause" });
  expect((await bench.settlement()).settlement.type).toBe("complete");
});

test("run is acked at once: it runs already", () => {
  const bench = new Bench();
  bench.handle((_task, ctx) => untilAborted(ctx));
  bench.start(7);
  bench.consumer.command(1, 7, 9, { type: "run" });
  expect(bench.settled).toMatchObject([{ upTo: 9, settlement: { type: "ack" } }]);
});

test("what comes after a command that ends the attempt is left to the record", async () => {
  const bench = new Bench();
  bench.handle((_task, ctx) => untilAborted(ctx));
  bench.start(7);
  bench.consumer.command(1, 7, 9, { type: "pause" });
  bench.consumer.command(1, 7, 10, { type: "kill" });
  expect(await bench.settlement()).toMatchObject({ upTo: 9, settlement: { type: "pause" } });
});

test("a handler reads checkpoint commands, each acked when it asks for the next", async () => {
  const bench = new Bench();
  bench.handle(async (_task, ctx) => {
    for await (const command of ctx.commands) {
      await ctx.checkpoint(command.type);
      break;
    }
    return "read";
  });
  bench.start(7);
  bench.consumer.command(1, 7, 9, { type: "checkpoint" });
  expect(await bench.settlement()).toMatchObject({ upTo: 0, settlement: { type: "checkpoint" } });
  bench.record();
  expect(await bench.settlement(2)).toMatchObject({ upTo: 9, settlement: { type: "ack" } });
  expect(await bench.settlement(3)).toMatchObject({ upTo: 9, settlement: { type: "complete" } });
});

test("a command that arrives while the handler returns is not acked: it stays in the record", async () => {
  const bench = new Bench();
  const end = Promise.withResolvers<void>();
  bench.handle(() => end.promise);
  bench.start(7);
  bench.consumer.command(1, 7, 9, { type: "checkpoint" });
  end.resolve();
  expect(await bench.settlement()).toMatchObject({ upTo: 0, settlement: { type: "complete" } });
});

test("a stateful handler gets every command, and its answer is what becomes of the task", async () => {
  for (const [message, settlement] of ENDINGS) {
    const bench = new Bench();
    bench.handle(statefulHandler(async (_task, commands) => {
      for await (const command of commands) return command;
      return { type: "kill" };
    }));
    bench.start(7);
    bench.consumer.command(1, 7, 9, message);
    while (bench.settled.at(-1)?.settlement.type !== message.type) {
      if (bench.settled.some((each) => each.settlement.type !== "ack")) break;
      await bench.settlement(bench.settled.length + 1);
    }
    expect(bench.settled.at(-1)).toMatchObject({ upTo: 9, settlement });
  }
});

test("run and checkpoint call a stateful handler again", async () => {
  const bench = new Bench();
  const answers: TaskMessage[] = [{ type: "checkpoint" }, { type: "run" }, { type: "complete" }];
  let calls = 0;
  bench.handle(statefulHandler(() => answers[calls++]!));
  bench.start(7);
  expect((await bench.settlement()).settlement).toEqual({ type: "complete", result: null });
  expect(calls).toBe(3);
});

test("an iterator left behind by an earlier call gets no later commands", async () => {
  const bench = new Bench();
  const seen: string[] = [];
  let left: Promise<void> = Promise.resolve();
  let calls = 0;
  const second = Promise.withResolvers<void>();
  bench.handle(statefulHandler(async (_task, commands) => {
    if (++calls === 1) {
      left = (async () => {
        for await (const command of commands) seen.push(`left: ${command.type}`);
      })();
      return { type: "run" };
    }
    second.resolve();
    for await (const command of commands) {
      seen.push(command.type);
      return command;
    }
    return { type: "complete" };
  }));
  bench.start(7);
  await second.promise;
  bench.consumer.command(1, 7, 9, { type: "kill" });
  await left;
  while (bench.settled.at(-1)?.settlement.type !== "kill") {
    await bench.settlement(bench.settled.length + 1);
  }
  expect(seen).toEqual(["kill"]);
});

test("a stateful handler that answers nothing, or nonsense, is an error, not the task's end", async () => {
  for (const answer of [undefined, null, "done", { type: "sleep" }, { type: "no such" }]) {
    const bench = new Bench();
    bench.handle(statefulHandler(() => answer as unknown as TaskMessage));
    bench.start(7);
    const { settlement } = await bench.settlement();
    expect(settlement).toMatchObject({ type: "error" });
  }
});

test("a stateful handler hears a release when its node drains, whatever it answers then", async () => {
  const bench = new Bench();
  const read: TaskMessage[] = [];
  bench.handle(statefulHandler(async (_task, commands) => {
    for await (const command of commands) {
      read.push(command);
      return { type: "checkpoint" };
    }
    return { type: "complete" };
  }));
  bench.start(7);
  void bench.consumer.drain("drain");
  expect((await bench.settlement()).settlement).toEqual({ type: "release" });
  expect(read).toEqual([{ type: "release" }]);
});

test("a drained handler's state goes with the release, after it has ended", async () => {
  const bench = new Bench();
  const order: string[] = [];
  bench.handle(async (_task, ctx) => {
    ctx.onHandOff(() => (order.push("asked"), { at: 41n }));
    try {
      await untilAborted(ctx);
    } finally {
      order.push("ended");
    }
  });
  bench.start(7);
  void bench.consumer.drain("drain");
  const { settlement } = await bench.settlement();
  expect(settlement.type === "checkpoint" && decodeValue(settlement.state, "state")).toEqual({ at: 41n });
  expect((await bench.settlement(2)).settlement).toEqual({ type: "release" });
  expect(order).toEqual(["ended", "asked"]);
});

test("a state that cannot be handed over is reported, and the task goes on without it", async () => {
  const bench = new Bench();
  bench.handle(async (_task, ctx) => {
    ctx.onHandOff(() => () => {});
    await untilAborted(ctx);
  });
  bench.start(7);
  void bench.consumer.drain("drain");
  expect((await bench.settlement()).settlement).toEqual({ type: "release" });
  bench.record();
  expect(bench.events.at(-1)?.[1].reason).toContain(
    "drain; its state could not be handed over: Cannot encode",
  );
});

test("progress is recorded, the newest value only, and the last before the end", async () => {
  const bench = new Bench();
  bench.handle((_task, ctx) => {
    for (const done of [1, 2, 3]) ctx.progress({ done });
    return "ok";
  });
  bench.start(7);
  await bench.settlement(3);
  const values = bench.settled.map(({ settlement }) =>
    settlement.type === "progress" ? decodeValue(settlement.value, "progress") : settlement.type
  );
  expect(values).toEqual([{ done: 1 }, { done: 3 }, "complete"]);
});

test("progress that cannot be stored is refused where it is reported", async () => {
  const bench = new Bench();
  const errors: unknown[] = [];
  bench.handle((_task, ctx) => {
    try {
      ctx.progress("x".repeat(5000));
    } catch (error) {
      errors.push(error);
    }
  });
  bench.start(7);
  await bench.settlement();
  expect(String(errors[0])).toBe("RangeError: Cannot encode progress: it may have 4096 bytes, got 5003");
});

test("an error that is fatal ends the task, whatever its attempts", async () => {
  const bench = new Bench();
  bench.handle(() => {
    throw new FatalError("never again");
  });
  bench.start(7, { attemptsMax: 100 });
  expect((await bench.settlement()).settlement).toMatchObject({
    type: "fail",
    message: "never again",
    because: "fatal",
  });
});

test("a command counts as carried out when the next is asked for, not before", async () => {
  const done: number[] = [];
  const feed = new CommandFeed((no) => done.push(no));
  const commands = feed.open();
  feed.push({ no: 3, message: { type: "checkpoint" } });
  feed.push({ no: 5, message: { type: "checkpoint" } });
  await commands.next();
  expect(done).toEqual([]);
  await commands.next();
  expect(done).toEqual([3]);
  feed.close();
  expect((await commands.next()).done).toBe(true);
});
