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

/** Of the attempt that runs; Infinity between attempts. Wall clock, and monotonic: whichever comes first. */
let deadline = { wallMs: Infinity, monoMs: Infinity };

function send(message: FromProcess, onSent: () => void = () => {}): void {
  process.send?.(message, undefined, {}, onSent);
}

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
    send(message);
  },
  ended: (error) => {
    send({ type: "ended", error: plainError(error) }, die);
    setTimeout(die, FAREWELL_MS);
  },
});
process.on("message", (message) => {
  // the node sends nothing else
  const received = message as ToThread;
  if (received.type === "run" || received.type === "deadline") setDeadline(received.deadlineMs);
  thread.post(received);
});
process.on("disconnect", die);
// what is meant for the node comes to all of its terminal's processes
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
setInterval(() => {
  if (Date.now() >= deadline.wallMs || performance.now() >= deadline.monoMs) die();
}, LOOK_MS);
