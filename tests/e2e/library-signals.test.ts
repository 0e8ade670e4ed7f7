/** `handleSignals` on each runtime: real signals to a real process. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];

interface Ended {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly tookMs: number;
}

/** Signals the program once its task runs, again when it drains if `isTwice`, and waits for its end. */
async function ended(runtime: Runtime, args: readonly string[], isTwice = false): Promise<Ended> {
  const [command = "", ...rest] = commandOn(runtime, "tests/support/signal-program.ts", args);
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  let sentMs = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    if (line === "task:start") {
      sentMs = performance.now();
      child.kill("SIGTERM");
    } else if (line === "draining" && isTwice) child.kill("SIGINT");
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, lines, tookMs: performance.now() - sentMs };
}

test.each(RUNTIMES)("%s: a signal drains the node, and then the process ends with 0", async (runtime) => {
  const { code, lines } = await ended(runtime, ["300"]);
  expect(lines).toEqual(["task:start", "draining", "task:released", "stopped"]);
  expect(code).toBe(0);
});

test.each(RUNTIMES)("%s: a handler that does not end is waited for until the deadline", async (runtime) => {
  const { code, lines, tookMs } = await ended(runtime, ["60000"]);
  expect(lines).toEqual(["task:start", "draining", "stopped"]);
  expect(code).toBe(0);
  expect(tookMs).toBeGreaterThan(3900);
  expect(tookMs).toBeLessThan(20_000);
});

test.each(RUNTIMES)("%s: a second signal stops it now", async (runtime) => {
  const { code, lines, tookMs } = await ended(runtime, ["60000"], true);
  expect(lines).toEqual(["task:start", "draining", "stopped"]);
  expect(code).toBe(0);
  expect(tookMs).toBeLessThan(3900);
});

test.each(RUNTIMES)(
  "%s: a program that listens itself hears the signal once and ends itself",
  async (runtime) => {
    const { code, lines } = await ended(runtime, ["300", "own"]);
    expect(lines.toSorted()).toEqual(["draining", "heard", "stopped", "task:released", "task:start"]);
    expect(code).toBe(7);
  },
);
