/**
 * What clients asked and were told, what handlers wrote, and what peers announced, sorted by task: what
 * history-checker.ts judges. Times are ms of one clock. Shares nothing with src.
 */

/** Of tasks whose result tells the input that they ran with and the fence that they ended under. */
export interface Result {
  readonly input: string;
  readonly fence: number;
}

/** A task as an answer showed it. */
export interface Seen {
  readonly id: string;
  readonly state: string;
  readonly fence: number;
  readonly attempt: number;
  /** Undefined: the answer does not tell results. */
  readonly result?: Result | null | undefined;
}

export type Command = "pause" | "run" | "kill" | "release";

export type Call =
  | { readonly type: "submit"; readonly id: string; readonly input: string }
  | { readonly type: "get"; readonly id: string }
  | { readonly type: "list"; readonly state: string | null }
  | { readonly type: "command"; readonly id: string; readonly command: Command }
  | { readonly type: "done"; readonly id: string };

export type Answer =
  | { readonly type: "submitted"; readonly created: boolean }
  | { readonly type: "task"; readonly task: Seen | null }
  | { readonly type: "tasks"; readonly tasks: readonly Seen[] }
  | { readonly type: "commanded"; readonly effect: "applied" | "queued" }
  | { readonly type: "ended"; readonly state: string; readonly result: Result | null }
  /** Nothing was done. */
  | { readonly type: "refused"; readonly code: string }
  /** It may have been done, or be done yet. */
  | { readonly type: "unanswered"; readonly code: string };

export interface Operation {
  readonly startMs: number;
  readonly endMs: number;
  readonly call: Call;
  readonly answer: Answer;
}

/** What a handler writes that obeys: nothing outside its lease. */
export interface ExecutionLine {
  readonly id: string;
  readonly kind: "start" | "beat" | "end";
  readonly fence: number;
  readonly attempt: number;
  readonly atMs: number;
  readonly input: string;
}

/** A peer said that it had this completion recorded. */
export interface Completion {
  readonly id: string;
  readonly fence: number;
  /** When that was heard. */
  readonly atMs: number;
}

export interface History {
  readonly operations: readonly Operation[];
  readonly lines: readonly ExecutionLine[];
  readonly completions: readonly Completion[];
}

/** Something was so at some moment between the two. */
export interface Interval {
  readonly startMs: number;
  readonly endMs: number;
}

export interface Submit extends Interval {
  readonly input: string;
  readonly answer: Answer;
}

export interface Commanded extends Interval {
  readonly command: Command;
  readonly answer: Answer;
}

/** The task was known, in a state if one was told. */
export interface Sighting extends Interval {
  /** "ended": one of the states that are final, not told which. Null: not told. */
  readonly state: string | null;
  readonly fence: number | null;
  readonly attempt: number | null;
  /** Undefined: not told. */
  readonly result: Result | null | undefined;
  readonly by: string;
}

export interface Absence extends Interval {
  readonly by: string;
}

export interface TaskHistory {
  readonly id: string;
  readonly submits: Submit[];
  readonly commands: Commanded[];
  readonly sightings: Sighting[];
  readonly absences: Absence[];
  readonly lines: ExecutionLine[];
  /** Fences. */
  readonly completions: number[];
}

export function tasksOf({ operations, lines, completions }: History): Map<string, TaskHistory> {
  const tasks = new Map<string, TaskHistory>();
  const taskOf = (id: string): TaskHistory => {
    let task = tasks.get(id);
    if (!task) {
      task = { id, submits: [], commands: [], sightings: [], absences: [], lines: [], completions: [] };
      tasks.set(id, task);
    }
    return task;
  };
  for (const operation of operations) {
    const { call, answer } = operation;
    if (call.type !== "list") note(taskOf(call.id), operation);
    else if (answer.type === "tasks") {
      for (const seen of answer.tasks) taskOf(seen.id).sightings.push(sightingOf(operation, seen, "list"));
    }
  }
  for (const line of lines) taskOf(line.id).lines.push(line);
  for (const { id, fence, atMs } of completions) {
    const task = taskOf(id);
    task.completions.push(fence);
    const at = { startMs: atMs, endMs: atMs };
    task.sightings.push({ ...at, ...UNTOLD, state: "completed", fence, by: "a peer's event" });
  }
  for (const task of tasks.values()) task.lines.sort((a, b) => a.atMs - b.atMs || a.fence - b.fence);
  return tasks;
}

function sightingOf({ startMs, endMs }: Interval, seen: Seen, by: string): Sighting {
  const { state, fence, attempt, result } = seen;
  return { startMs, endMs, state, fence, attempt, result, by };
}

const UNTOLD = { state: null, fence: null, attempt: null, result: undefined };

function note(task: TaskHistory, { startMs, endMs, call, answer }: Operation): void {
  const at = { startMs, endMs };
  const code = answer.type === "refused" ? answer.code : "";
  if (call.type === "submit") {
    task.submits.push({ ...at, input: call.input, answer });
    if (answer.type === "submitted") task.sightings.push({ ...at, ...UNTOLD, by: "a submit acknowledged" });
    if (code === "CONFLICT") task.sightings.push({ ...at, ...UNTOLD, by: "a conflict" });
  } else if (call.type === "command") {
    task.commands.push({ ...at, command: call.command, answer });
    const by = `the answer to ${call.command}`;
    if (answer.type === "commanded") task.sightings.push({ ...at, ...UNTOLD, by });
    // none of these four is refused by a state that is not final
    if (code === "WRONG_STATE") task.sightings.push({ ...at, ...UNTOLD, state: "ended", by });
  } else if (answer.type === "task") {
    if (answer.task) task.sightings.push(sightingOf(at, answer.task, "get"));
    else task.absences.push({ ...at, by: "get" });
  } else if (answer.type === "ended") {
    const { state, result } = answer;
    task.sightings.push({ ...at, ...UNTOLD, state, result, by: "done" });
  }
  if (code === "NOT_FOUND" || code === "OUTCOME_UNKNOWN_RETENTION") {
    task.absences.push({ ...at, by: `${call.type} refused with ${code}` });
  }
}
