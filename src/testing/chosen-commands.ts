/**
 * The oracle's own idea of commands: what they make of a task that nobody holds, and in which order. Written
 * from Metafora's table as rules, apart from the protocol's (task-machine.ts).
 */
import type { TaskMessage } from "../protocol/types.ts";
import type { ChosenTask } from "./chosen-state.ts";

const HOUR_MS = 3_600_000;

function isOver(task: ChosenTask): boolean {
  return ["completed", "failed", "killed"].includes(task.state);
}

/** Tells the task: at once when nobody holds it, else it waits in line. False: it changed nothing. */
export function tellTask(
  task: ChosenTask,
  told: { readonly no: number; readonly cid: number; readonly message: TaskMessage; readonly atMs: number },
): boolean {
  if (isOver(task) || task.toldIds.includes(told.cid)) return false;
  task.toldIds.push(told.cid);
  if (task.state === "leased") task.line.push({ no: told.no, message: told.message });
  else obey(task, told.message, told.atMs);
  return true;
}

/** Nobody holds it any more. */
export function obeyLine(task: ChosenTask, atMs: number): void {
  if (task.state === "leased") return;
  for (const { message } of task.line.splice(0)) if (!isOver(task)) obey(task, message, atMs);
}

function obey(task: ChosenTask, message: TaskMessage, atMs: number): void {
  const { state } = task;
  const { type } = message;
  if (state === "paused" && (type === "error" || type === "complete")) return;
  if (state === "sleeping" && type === "complete") return;
  if (type === "run") task.state = "pending";
  if (type === "pause") task.state = "paused";
  if (type === "kill") task.state = "killed";
  if (type === "complete") task.state = "completed";
  if (type === "sleep") sleepUntil(task, message.untilMs, atMs);
  if (type === "error") fail(task, atMs);
}

export function sleepUntil(task: ChosenTask, untilMs: number, atMs: number): void {
  task.state = untilMs > atMs ? "sleeping" : "pending";
  task.wakeAtMs = untilMs;
}

function fail(task: ChosenTask, atMs: number): void {
  const { attemptsMax } = task.spec;
  const own = task.errors.filter((error) => !error.isLapse);
  const failedCount = own.length === 8 ? task.attempt : own.length + 1;
  const recentCount = 1 + own.filter((error) => error.atMs > atMs - 4 * HOUR_MS).length;
  noteError(task, atMs, false);
  if (attemptsMax > 0 ? failedCount >= attemptsMax : recentCount >= 8) {
    task.state = "failed";
    return;
  }
  const waitMs = attemptsMax > 0 ? Math.min(60_000, 1000 * 2 ** (failedCount - 1)) : HOUR_MS / 6;
  const sleepsUntilMs = task.state === "sleeping" ? task.wakeAtMs : 0;
  task.wakeAtMs = Math.max(sleepsUntilMs, atMs + waitMs);
  task.state = "sleeping";
}

/** The last eight are kept. */
export function noteError(task: ChosenTask, atMs: number, isLapse: boolean): void {
  task.errors.push({ atMs, isLapse });
  if (task.errors.length > 8) task.errors.shift();
}
