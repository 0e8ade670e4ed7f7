/**
 * A stand-in for a peer: runs one command on a leash and renews its lease as a node would. Prints a JSON line
 * for each thing that happens. Arguments: directory, lease ms, then the command line. A line on its stdin
 * stops the command ("stop"), or stops the renewing ("silent").
 */
import { LeashClient } from "../../src/cli/exec/leash-client.ts";

const [directory = "", leaseText = "", ...argv] = process.argv.slice(2);
const leaseMs = Number(leaseText);
const leash = new LeashClient();
const say = (event: Record<string, unknown>): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

let deadlineMs = Date.now() + leaseMs;
const command = leash.run({
  key: "1 task",
  argv,
  cwd: directory,
  env: { STOLOS_FENCE: "1" },
  out: `${directory}/task.out`,
  err: `${directory}/task.err`,
  header: "=== attempt 1",
  deadlineMs,
});
say({ event: "running", supervisor: leash.pid, deadlineMs });
const renewing = setInterval(() => {
  deadlineMs = Date.now() + leaseMs;
  command.renew(deadlineMs);
  say({ event: "renewed", deadlineMs });
}, leaseMs / 4);

process.stdin.on("data", (chunk) => {
  const line = String(chunk).trim();
  if (line === "silent") clearInterval(renewing);
  if (line === "stop") command.stop(1000);
});

const exit = await command.exit;
clearInterval(renewing);
say({ event: "exit", code: exit.code, signal: exit.signal, stopped: exit.stopped, error: exit.error });
await leash.close();
say({ event: "closed" });
process.exit(0);
