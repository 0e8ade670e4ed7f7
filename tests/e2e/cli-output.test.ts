/** Readers of the commands' output that are slow, stand still or go away, as real pipes on each runtime. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import { delay } from "../support/drill.ts";

const SCRIPT = "tests/support/print-lines.ts";
const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];

interface Printed {
  readonly code: number | null;
  readonly lines: readonly string[];
  readonly noted: { readonly longestMs: number } | null;
}

/** Reads nothing for `stallMs`, then all, or goes away. */
async function printed(
  runtime: Runtime,
  args: readonly string[],
  stallMs: number,
  leaves = false,
): Promise<Printed> {
  const [file, ...rest] = commandOn(runtime, SCRIPT, args);
  const child = spawn(file!, rest, { stdio: ["ignore", "pipe", "pipe"] });
  let noted = "";
  child.stderr.setEncoding("utf8").on("data", (text) => noted += text);
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  await delay(stallMs);
  let text = "";
  if (leaves) child.stdout.destroy();
  else child.stdout.setEncoding("utf8").on("data", (more) => text += more);
  const code = await ended;
  const lines = text.split("\n").slice(0, -1);
  return { code, lines, noted: noted === "" ? null : JSON.parse(noted) };
}

for (const runtime of RUNTIMES) {
  test(`${runtime}: a reader that begins after 3 s gets every line`, async () => {
    const { code, lines } = await printed(runtime, ["print", "5000"], 3000);
    expect(lines.map((line) => Number.parseInt(line))).toEqual(
      Array.from({ length: 5000 }, (_, at) => at + 1),
    );
    expect(code).toBe(0);
  });

  test(`${runtime}: a reader that goes away before the end makes the exit code 141`, async () => {
    expect((await printed(runtime, ["print", "5000"], 500, true)).code).toBe(141);
  });

  test(`${runtime}: events that nobody reads do not hold up the loop, and are counted`, async () => {
    const { code, lines, noted } = await printed(runtime, ["event", "20000"], 2500);
    expect(code).toBe(0);
    expect(noted!.longestMs).toBeLessThan(2000);
    const dropped = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line).count);
    expect(dropped.length).toBeGreaterThan(0);
    expect(dropped.reduce((a, b) => a + b, 0) + lines.length - dropped.length).toBe(20_000);
  });
}
