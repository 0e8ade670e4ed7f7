/**
 * The process around a thread that runs handlers, where a thread alone cannot be ended. It passes on what
 * node and thread say to each other. It ends itself and the thread when its node is gone, or when the lease
 * has ended and no renewal has been reported.
 */
import { type FromProcess, plainError, type ToThread } from "./messages.ts";
import { WorkerPort } from "./worker-port.ts";

/** How exactly the end of a lease is noticed. */
const LOOK_MS = 20;
/** For the last message to leave. */
const FAREWELL_MS = 500;

/** When the lease of the running attempt ends, by whichever clock comes first; Infinity between attempts. */
let deadline = { wallMs: Infinity, monoMs: Infinity };

function send(message: FromProcess, onSent: () => void = () => {}): void {
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
  if (received.type === "run") marginMs = received.marginMs;
  if (received.type === "run" || received.type === "deadline") setDeadline(received.deadlineMs + marginMs);
  thread.post(received);
});
process.on("disconnect", die);
// what is meant for the node comes to all of its terminal's processes
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
setInterval(() => {
  if (Date.now() >= deadline.wallMs || performance.now() >= deadline.monoMs) die();
}, LOOK_MS);
