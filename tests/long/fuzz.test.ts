/** A few seconds of fuzzing on each runtime; `node tests/fuzz/main.ts --seconds N` goes on for longer. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";

const SECONDS = 12;
const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];

for (const runtime of RUNTIMES) {
  test(`garbage and changed traffic do no harm on ${runtime}`, async () => {
    const [command = "", ...args] = commandOn(runtime, "tests/fuzz/main.ts", ["--seconds", String(SECONDS)]);
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => output += text);
    }
    const code = await new Promise((resolve) => child.once("exit", resolve));
    // what was found, if anything, is in the output
    expect([code, code === 0 ? "" : output]).toEqual([0, ""]);
    expect(output).toMatch(/^0 found; memory grew by/m);
  });
}
