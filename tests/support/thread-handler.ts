/** What tests run in threads: the input says what it does. It is loaded in the thread, never imported. */
import { threadId } from "node:worker_threads";
import type { Context, Task } from "../../mod.ts";

export interface Instruction {
  readonly how: string;
  readonly value?: unknown;
}

let runCount = 0;

/** Looks at its context and never waits: nothing but the deadline's growth and the abort end it. */
function spinUntil(isOver: () => boolean): number {
  let turns = 0;
  while (!isOver()) turns++;
  return turns;
}

async function run(task: Task<Instruction>, ctx: Context): Promise<unknown> {
  const { how, value } = task.input;
  runCount++;
  switch (how) {
    case "echo":
      return {
        value,
        id: task.id,
        name: task.name,
        fence: ctx.fence,
        attempt: ctx.attempt,
        state: task.state,
      };
    case "left":
      return ctx.deadline - Date.now();
    case "thread":
      return { runCount, thread: `${process.pid} ${threadId}` };
    case "checkpoint":
      if (task.state === undefined) {
        await ctx.checkpoint({ at: 5n });
        throw new Error("again, please");
      }
      return task.state;
    case "throw":
      throw Object.assign(new RangeError("out of range"), { code: "E_RANGE" });
    case "throw-text":
      throw "a text";
    case "uncaught":
      setTimeout(() => {
        throw new Error("thrown by a timer");
      }, 1);
      return await new Promise(() => {});
    case "exit":
      return process.exit(3);
    case "unsendable":
      return new Map();
    case "progress":
      for (let at = 0; at < 1000; at++) ctx.progress({ at });
      return "done";
    case "too-much-progress":
      return ctx.progress("x".repeat(5000));
    case "hand-off":
      ctx.onHandOff(() => ({ at: 5n }));
      ctx.progress("begun");
      return await new Promise((_, reject) => {
        ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
      });
    case "commands": {
      const read: string[] = [];
      for await (const { type } of ctx.commands) {
        read.push(type);
        if (read.length === 2) return read;
      }
      return "no commands";
    }
    case "until-aborted":
      return await new Promise((_, reject) => {
        ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason));
      });
    case "renewals":
      return await new Promise((resolve) => ctx.onDeadline((deadlineMs) => resolve(deadlineMs - Date.now())));
    default:
      return loop(how, ctx);
  }
}

/** What never waits. */
function loop(how: string, ctx: Context): unknown {
  switch (how) {
    case "spin":
      return spinUntil(() => false);
    case "report-and-spin":
      // an abort before this would end it without a loop
      ctx.progress("begun");
      return spinUntil(() => false);
    case "spin-beating":
      return spinUntil(() => {
        ctx.beat();
        return ctx.signal.aborted;
      });
    case "spin-until-renewed": {
      const firstMs = ctx.deadline;
      spinUntil(() => ctx.deadline > firstMs + 500);
      return "renewed";
    }
    case "spin-until-aborted":
      spinUntil(() => ctx.signal.aborted);
      ctx.signal.throwIfAborted();
      return "not aborted";
    default:
      throw new Error(`Cannot run: there is no ${how}`);
  }
}

export { run as default };
