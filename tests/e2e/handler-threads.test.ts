/** Handlers in threads on each runtime: what happens to one of them costs the others and the node nothing. */
import { expect, test } from "bun:test";
import { execFile, spawn, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";

/** What the node printed; a handler's own words on stderr are of no interest. */
async function seenOn(runtime: Runtime): Promise<unknown> {
  const [command = "", ...args] = commandOn(runtime, "tests/support/threads-node.ts", []);
  const { stdout } = await promisify(execFile)(command, args, { timeout: 120_000 });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}

for (const runtime of ["node", "bun", "deno"] as const) {
  test(
    `${runtime}: what blocks, throws or exits costs nothing in a thread, and all leases in the loop`,
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
        "blocked": ["block", ["a", "b", "c"]],
        "lapsed": ["a", "b", "c"],
        "released": ["a", "b", "c", "spin"],
      });
    },
  );
}

/** What has ended and was not yet waited for does nothing any more. */
function isAlive(pid: string): boolean {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", pid], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.startsWith("Z");
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 60_000;
  while (!isTrue()) {
    if (performance.now() > deadlineMs) throw new Error("Cannot go on: it did not come true in time");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

// on the other runtimes a thread ends, and stands still, with its process
for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
  test(`deno: ${signal} of a peer leaves no handler running past its lease`, async () => {
    const [command = "", ...args] = commandOn("deno", "tests/support/threads-peer.ts", []);
    const peer = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    try {
      let said = "";
      peer.stdout.setEncoding("utf8").on("data", (text: string) => said += text);
      await until(() => said.includes("\n"));
      const pid = /spins in (\d+)/.exec(said)?.[1] ?? "";
      expect(isAlive(pid)).toBe(true);
      peer.kill(signal);
      await until(() => !isAlive(pid));
    } finally {
      peer.kill("SIGKILL");
    }
  });
}
