/**
 * A thread that runs handlers of one module, one attempt at a time. It sends what a handler returns or
 * throws; whatever else ends the thread is noticed from outside.
 */
import { parentPort, workerData } from "node:worker_threads";
import { systemEnvironment } from "../../base/environment.ts";
import { AttemptAbortedError } from "../../base/errors.ts";
import { SenderClock } from "../../base/sender-clock.ts";
import { isInstance, partOf } from "../../base/thrown.ts";
import { promiseOf } from "../invocation.ts";
import type { HandlerFunction, Task } from "../handler.ts";
import { Answer } from "../stateful.ts";
import { decodeValue, encodeValue } from "../../task/values.ts";
import { type Crash, type FromThread, plainError, type RunMessage, type ToThread } from "./messages.ts";
import { ThreadContext } from "./thread-context.ts";

if (!parentPort) throw new Error("Cannot run handlers: the thread must be started by a node");
const port = parentPort;
// what the node starts it with
const cells = new BigInt64Array((workerData as { readonly cells: SharedArrayBuffer }).cells);
/** Of the process that runs the thread. */
const clock = new SenderClock(systemEnvironment);
let context: ThreadContext | null = null;

function send(message: FromThread): void {
  port.postMessage(message);
}

async function run(message: RunMessage, ctx: ThreadContext): Promise<FromThread> {
  const { no, id, name, input, state } = message;
  try {
    const handler = await handlerOf(message.module);
    // loading it may have taken long
    ctx.signal.throwIfAborted();
    if (ctx.remainingMs <= ctx.marginMs) {
      throw new AttemptAbortedError(`Cannot begin task ${JSON.stringify(id)}: its lease ends`, "lapsing");
    }
    const task: Task = {
      id,
      name,
      input: decodeValue(input, "input"),
      state: state === null ? undefined : decodeValue(state, "checkpoint"),
    };
    send({ type: "begun", no });
    const returned = handler(task, ctx);
    const later = promiseOf(returned);
    const value = later ? await later : returned;
    const answer = isInstance(value, Answer) ? value.message : null;
    const result = encodeValue(answer ? undefined : value, "result");
    ctx.finishReading();
    return { type: "done", no, result, answer, handOff: ctx.handOff(answer !== null) };
  } catch (error) {
    const isAborted = isInstance(error, AttemptAbortedError);
    return { type: "failed", no, error: plainError(error), handOff: ctx.handOff(isAborted) };
  }
}

async function handlerOf(url: string): Promise<HandlerFunction<unknown, unknown>> {
  const loaded = await import(url) as { readonly default?: unknown };
  // of a module that was compiled to CommonJS the default export is what it exports in all
  const handler = typeof loaded.default === "function" ? loaded.default : partOf(loaded.default, "default");
  if (typeof handler === "function") return handler as HandlerFunction<unknown, unknown>;
  throw new TypeError(
    `Cannot run a handler: the default export of ${url} must be a function, got ${typeof loaded.default}`,
  );
}

// runtimes do not agree on what they say of it to the outside
process.on("unhandledRejection", (reason) => {
  const crash: Crash = { type: "crashed", error: plainError(reason) };
  port.postMessage(crash);
});

/** What the node sends. */
export function receive(message: ToThread): void {
  if ("sentMs" in message) clock.heard(message);
  if (message.type === "clock") return;
  if (message.type === "run") {
    const ctx = new ThreadContext(message, { cells, clock, send });
    context = ctx;
    void run(message, ctx).then((ended) => {
      ctx.close();
      send(ended);
    });
    return;
  }
  if (context?.no !== message.no) return;
  switch (message.type) {
    case "abort":
      return context.abort(new AttemptAbortedError(message.message, message.reason));
    case "renewed":
      return context.renewed();
    case "checkpointed":
      return context.checkpointed(message.seq, message.error);
    case "command":
      return context.command(message.command, message.message);
    default:
      return message satisfies never;
  }
}

send({ type: "hello" });
