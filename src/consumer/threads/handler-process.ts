/**
 * The process around a thread that runs handlers, where a thread alone cannot be ended. It passes on what the
 * two say to each other, and ends itself with the thread when its node is gone, or when the lease has ended
 * and nobody has said that it was renewed.
 */
import { type FromProcess, plainError, type ToThread } from "./messages.ts";
import { WorkerPort } from "./worker-port.ts";

/** How exact the end of a lease is seen. */
const LOOK_MS = 20;
/** For the last message to leave. */
const FAREWELL_MS = 500;

/**
 * The end of the lease of the attempt that runs; Infinity between attempts. Wall clock, and monotonic:
 * whichever comes first.
 */
let deadline = { wallMs: Infinity, monoMs: Infinity };

function tell(message: FromProcess, onSent: () => void = () => {}): void {
  process.send?.(message, undefined, {}, onSent);
}

/** Between the deadline of the attempt and the end of its lease. */
let marginMs = 0;

function setDeadline(wallMs: number): void {
  deadline = { wallMs, monoMs: performance.now() + wallMs - Date.now() };
}

/** At once, whatever its thread is doing. */
function die(): void {
  process.kill(process.pid, "SIGKILL");
}

const thread = new WorkerPort({
  message: (message) => {
    if (message.type === "done" || message.type === "failed") setDeadline(Infinity);
    tell(message);
  },
  ended: (error) => {
    tell({ type: "ended", error: plainError(error) }, die);
    setTimeout(die, FAREWELL_MS);
  },
});
process.on("message", (message) => {
  // the node sends nothing else
  const told = message as ToThread;
  if (told.type === "run") marginMs = told.marginMs;
  if (told.type === "run" || told.type === "deadline") setDeadline(told.deadlineMs + marginMs);
  thread.post(told);
});
process.on("disconnect", die);
// what is meant for the node comes to all of its terminal's processes
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
setInterval(() => {
  if (Date.now() >= deadline.wallMs || performance.now() >= deadline.monoMs) die();
}, LOOK_MS);
