/**
 * The leash: a small process that runs commands of one peer and ends them when the peer dies (its pipe
 * closes) or goes silent (a lease passes unrenewed). Started by leash-client.ts; speaks leash-messages.ts. It
 * outlives the signals of a terminal or a service manager: only the pipe ends it.
 */
import { systemEnvironment } from "../../base/environment.ts";
import { startCommand } from "./command-process.ts";
import { type FromLeash, lineParser, type ToLeash } from "./leash-messages.ts";
import { LeashSupervisor } from "./leash-supervisor.ts";
import { systemGroups } from "./process-group.ts";

/**
 * Bytes written to a peer that has not been heard since. A write to a full pipe blocks, and a supervisor that
 * is blocked by a stopped peer would let that peer's commands run on.
 */
const UNHEARD_BYTES_MAX = 32 * 1024;

function main(): void {
  const waiting: string[] = [];
  let unheardBytes = 0;
  const flush = (): void => {
    while (waiting.length > 0 && unheardBytes < UNHEARD_BYTES_MAX) {
      const line = waiting.shift() ?? "";
      unheardBytes += line.length;
      process.stdout.write(line);
    }
  };
  const send = (message: FromLeash): void => {
    waiting.push(`${JSON.stringify(message)}\n`);
    flush();
  };
  const supervisor = new LeashSupervisor({
    environment: systemEnvironment,
    groups: systemGroups,
    startCommand,
    send,
    onIdle: () => process.exit(0),
  });
  const parse = lineParser<ToLeash>((message) => supervisor.receive(message));
  const lost = (): void => supervisor.orphaned();

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  process.stdout.on("error", lost);
  process.stdin.on("data", (chunk: Uint8Array) => {
    unheardBytes = 0;
    parse(chunk);
    flush();
  });
  process.stdin.on("end", lost);
  process.stdin.on("close", lost);
  process.stdin.on("error", lost);
  send({ type: "hello" });
}

main();
