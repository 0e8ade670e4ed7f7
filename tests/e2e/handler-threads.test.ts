/** Handlers in threads on each runtime: what happens to one of them costs the others and the node nothing. */
import { expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";

/** What the node printed; a handler's own words on stderr are of no interest. */
async function seenOn(runtime: Runtime): Promise<unknown> {
  const [command = "", ...args] = commandOn(runtime, "tests/e2e/support/threads-node.ts", []);
  const { stdout } = await promisify(execFile)(command, args, { timeout: 60_000 });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

for (const runtime of ["node", "bun", "deno"] as const) {
  test(
    `${runtime}: a handler in a thread that blocks, throws or exits costs other tasks nothing`,
    async () => {
      expect(await seenOn(runtime)).toEqual({
        "echo": ["5", 7, [1, 2]],
        "throw": "out of range",
        "uncaught": "thrown by a timer",
        "exit": "the handler's thread ended with exit code 3",
        "renewals": "completed",
        "spin-until-renewed": "completed",
        "stuck": "no beat for 700 ms",
        "lost": [],
        "state": "ready",
        "ticks": [["leased", 1], ["leased", 1], ["leased", 1]],
        "released": ["a", "b", "c", "spin"],
      });
    },
    90_000,
  );
}
