/**
 * The process around a thread that runs handlers, where a thread alone cannot be ended. It passes on what
 * node and thread say to each other. It ends itself and the thread when its node is gone, or when the lease
 * has ended and no renewal has been reported.
 */
import { systemEnvironment } from "../../base/environment.ts";
import { SenderClock } from "../../base/sender-clock.ts";
import { type FromProcess, plainError, type ToThread } from "./messages.ts";
import { WorkerPort } from "./worker-port.ts";

/** How exactly the end of a lease is noticed. */
const LOOK_MS = 20;
/** For the last message to leave. */
const FAREWELL_MS = 500;

/** The node's. */
const clock = new SenderClock(systemEnvironment);
/** When the lease of the running attempt ends, on that clock; Infinity between attempts. */
let endMs = Infinity;

function send(message: FromProcess, onSent: () => void = () => {}): void {
  process.send?.(message, undefined, {}, onSent);
}

/** At once, whatever its thread is doing. */
function die(): void {
  process.kill(process.pid, "SIGKILL");
}

const thread = new WorkerPort({
  message: (message) => {
    if (message.type === "done" || message.type === "failed") endMs = Infinity;
    send(message);
  },
  ended: (error) => {
    send({ type: "ended", error: plainError(error) }, die);
    setTimeout(die, FAREWELL_MS);
  },
});

/** What the node sends. For the thread it is this process that sends it, now. */
export function receive(message: ToThread): void {
  if ("sentMs" in message) clock.heard(message);
  const sentMs = performance.now();
  switch (message.type) {
    case "clock":
      return thread.post({ ...message, sentMs });
    case "run":
    case "renewed":
      endMs = clock.deadlineMs(message);
      return thread.post({ ...message, sentMs, remainingMs: Math.max(0, endMs - clock.nowMs()) });
    default:
      return thread.post(message);
  }
}

process.on("disconnect", die);
// what is meant for the node comes to all of its terminal's processes
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
setInterval(() => {
  if (clock.nowMs() >= endMs) die();
}, LOOK_MS);
