/**
 * A stand-in for a peer: runs one command on a leash and renews its lease as a node would. Prints a JSON line
 * for each thing that happens. Arguments: directory, lease ms, then the command line. A line on its stdin
 * stops the command ("stop"), or stops the renewing ("silent").
 */
import { LeashPool } from "../../src/cli/exec/leash-pool.ts";

const [directory = "", leaseText = "", ...argv] = process.argv.slice(2);
const leaseMs = Number(leaseText);
const leash = new LeashPool();
const say = (event: Record<string, unknown>): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

/** Monotonic. */
let endMs = performance.now() + leaseMs;
const deadlineMs = (): number => Date.now() + endMs - performance.now();
const command = leash.run({
  task: "task",
  start: {
    key: "1 task",
    argv,
    cwd: directory,
    env: { STOLOS_FENCE: "1", STOLOS_TASK_ID: directory },
    out: `${directory}/task.out`,
    err: `${directory}/task.err`,
    header: "=== attempt 1",
    marginMs: leaseMs / 4,
  },
  remainingMs: () => endMs - performance.now(),
  onLingering: (why) => say({ event: "lingers", why }),
});
say({ event: "running", supervisor: leash.pids[0], deadlineMs: deadlineMs() });
const renewing = setInterval(() => {
  endMs = performance.now() + leaseMs;
  command.renew();
  say({ event: "renewed", deadlineMs: deadlineMs() });
}, leaseMs / 4);

process.stdin.on("data", (chunk) => {
  const line = String(chunk).trim();
  if (line === "silent") clearInterval(renewing);
  if (line === "stop") command.stop(1000);
});

const end = await command.end;
clearInterval(renewing);
say({ event: "end", ...end });
await leash.close();
say({ event: "closed" });
process.exit(0);
