/** A stateful handler for tests, to be run in a thread: pauses when it is asked to. */
import type { HandlerFunction } from "../../src/consumer/handler.ts";
import { statefulHandler } from "../../src/consumer/stateful.ts";

const run: HandlerFunction<unknown, unknown> = statefulHandler<unknown>(async (_task, commands, ctx) => {
  ctx.onHandOff(() => "what I had");
  ctx.progress("begun");
  for await (const message of commands) {
    if (message.type !== "checkpoint") return message;
  }
  return { type: "release" };
});

export { run as default };
