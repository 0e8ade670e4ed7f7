/** Runs tests/support/ending-program.ts and says how its process ended. */
import { spawn } from "node:child_process";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";

/** From the end of all that the program does until its process is ended from outside. */
const PATIENCE_MS = 15_000;

export const WAYS = [
  "node",
  "embedded",
  "mdns",
  "secret",
  "store",
  "threads",
  "commands",
  "http",
  "client",
  "pending",
  "silent",
  "held-node",
  "held-client",
  "nobody-there",
  "nobody-found",
  "bad-address",
  "cannot-listen",
  "no-quorum",
] as const;
export type Way = (typeof WAYS)[number];

export interface Ending {
  /** Null when it did not end. */
  readonly code: number | null;
  readonly hasStopped: boolean;
  /** It has said that something kept it alive for seconds. */
  readonly hasLeft: boolean;
  readonly output: string;
  readonly tookMs: number;
}

export async function endingOf(runtime: Runtime, ways: readonly Way[]): Promise<Ending> {
  const [command = "", ...args] = commandOn(runtime, "tests/support/ending-program.ts", ways);
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let stoppedMs: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (stoppedMs !== undefined || !/^stopped$/m.test(output)) return;
      stoppedMs = performance.now();
      timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
    });
  }
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  for (const [, pid] of output.matchAll(/^other (\d+)$/gm)) process.kill(Number(pid), "SIGKILL");
  const tookMs = Math.round(performance.now() - (stoppedMs ?? 0));
  return { code, hasStopped: stoppedMs !== undefined, hasLeft: /^left /m.test(output), output, tookMs };
}
