/** Which tasks are not done, and why, in words. */
import type { Client, TaskInfo } from "../../node/client.ts";

/** Tasks are not done that should be. */
export class NotDoneError extends Error {
  override readonly name: string = "NotDoneError";
  readonly tasks: readonly TaskInfo[];

  constructor(message: string, tasks: readonly TaskInfo[]) {
    super(message);
    this.tasks = tasks;
  }
}

const TASKS_NAMED_MAX = 10;

/** @throws NotDoneError that names the tasks which are not completed, and why; NoQuorumError */
export async function assertAllDone(client: Client, seed: number): Promise<void> {
  const unfinished: TaskInfo[] = [];
  for await (const task of client.list()) if (task.state !== "completed") unfinished.push(task);
  if (unfinished.length === 0) return;
  throw new NotDoneError(`${messageOf(unfinished)}\n(seed ${seed})`, unfinished);
}

function messageOf(tasks: readonly TaskInfo[]): string {
  const lines = tasks.slice(0, TASKS_NAMED_MAX).map((task) => `  ${describe(task)}`);
  if (tasks.length > lines.length) lines.push(`  and ${tasks.length - lines.length} more`);
  const what = tasks.length === 1 ? "1 task is" : `${tasks.length} tasks are`;
  return `${what} not done:\n${lines.join("\n")}`;
}

function describe(task: TaskInfo): string {
  const { id, name, state, ownerName, attempt, leaseRemainingMs, errors, why } = task;
  const parts = [`${JSON.stringify(id)} (${name}) is ${state}`];
  if (state === "leased") {
    const left = leaseRemainingMs === 0 ? ", whose lease has ended" : "";
    parts.push(`attempt ${attempt} runs on ${ownerName ?? "a node that has gone"}${left}`);
  }
  if (why !== null) parts.push(why);
  const last = errors.at(-1);
  if (last) parts.push(`last error, of attempt ${last.attempt}: ${last.message}`);
  return parts.join("; ");
}
