/** Calls the handler of an attempt: its input checked against the definition, its state as it was stored. */
import type { Task } from "./handler.ts";
import type { Run } from "./run.ts";
import { validInput } from "./schema.ts";
import { decodeValue } from "./values.ts";

/** What the handler returns: a promise, too, when the schema is asynchronous. @throws what it throws */
export function callHandler(run: Run): unknown {
  const { task, handler } = run;
  const input = validInput(handler.definition, decodeValue(task.payload, "input"));
  return input instanceof Promise ? input.then((each) => call(run, each)) : call(run, input);
}

function call(run: Run, input: unknown): unknown {
  // an asynchronous schema may have taken longer than the lease
  run.throwIfAborted();
  const { id, name, checkpoint } = run.task;
  const state = checkpoint === null ? undefined : decodeValue(checkpoint, "checkpoint");
  const task: Task = { id, name, input, state };
  return run.handler.run(task, run);
}
