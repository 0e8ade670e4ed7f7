/**
 * Metafora's stateful handler: it is given the task's commands, and answers what shall become of the task.
 * The state machine (protocol/state/task-machine.ts) is in the task's record, under the fence of the attempt.
 */
import { AttemptAbortedError } from "../base/errors.ts";
import type { TaskMessage } from "../protocol/model/types.ts";
import type { HandlerFunction, Task } from "./handler.ts";
import type { Context } from "./context.ts";
import type { StatefulAttempt } from "./attempt.ts";
import { messageOf } from "../task/message.ts";

/**
 * Answers `complete`, `sleep`, `pause`, `kill`, `error` (to the error policy) or `release`; `run` and
 * `checkpoint` call it again. When its signal aborts it also gets the command `release`, and must answer
 * soon.
 */
export type StatefulFunction<I> = (
  task: Task<I>,
  commands: AsyncIterableIterator<TaskMessage>,
  ctx: Context,
) => TaskMessage | Promise<TaskMessage>;

/** What a stateful handler answered last. */
export class Answer {
  readonly message: TaskMessage;

  constructor(message: TaskMessage) {
    this.message = message;
  }
}

/** Makes a handler for `node.handle` of a stateful one, which carries out itself what it has read. */
export function statefulHandler<I>(handler: StatefulFunction<I>): HandlerFunction<I, unknown> {
  return async (task, ctx) => {
    (ctx as Partial<StatefulAttempt>).becomeStateful?.();
    for (;;) {
      const message = messageOf("end an attempt with its answer", await handler(task, ctx.commands, ctx));
      const goesOn = message.type === "run" || message.type === "checkpoint";
      if (!goesOn) return new Answer(message);
      if (ctx.signal.aborted) {
        const { reason } = ctx.signal;
        if (reason instanceof AttemptAbortedError) throw reason;
        return new Answer({ type: "release" });
      }
    }
  };
}
