/**
 * Programs that throw wherever they can, as processes of their own on each runtime: every task has the end
 * that the table gives it, every callback's error is an event, and the process goes on.
 */
import { expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import { HOSTILE } from "../support/hostile-handlers.ts";

async function seenOn(runtime: Runtime): Promise<{ seen: Record<string, unknown>; stderr: string }> {
  const [command = "", ...args] = commandOn(runtime, "tests/support/hostile-node.ts", []);
  const { stdout, stderr } = await promisify(execFile)(command, args, { timeout: 120_000 });
  return { seen: JSON.parse(stdout.trim().split("\n").at(-1) ?? ""), stderr };
}

/** What becomes of the table's handlers, in the loop and in threads. */
function expectedEnds(): Record<string, unknown> {
  const ends: Record<string, unknown> = {};
  for (const [how, { message, cause }] of Object.entries(HOSTILE)) {
    // the words of the runtime's own error are its cause
    const because = cause ?? (how === "returns a revoked proxy" ? expect.stringContaining("revoked") : null);
    const end = message === null ? ["completed", null, null, 0] : ["failed", message, because, 0];
    for (const where of ["in the loop", "in a thread"]) ends[`${how}, ${where}`] = end;
  }
  for (const where of ["in the loop", "in a thread"]) {
    for (const how of ["onDeadline", "onDeadline rejects", "checkpoint", "onHandOff"]) {
      ends[`${how}, callbacks ${where}`] = ["completed", null, null, 0];
    }
    for (const how of ["abort", "abort rejects", "onabort"]) {
      ends[`${how}, callbacks ${where}`] = ["killed", null, null, 0];
    }
  }
  return ends;
}

function expectedErrors(): string[] {
  const errors = [
    ...["balancer: balance", "balancer: canClaim"],
    ...["listener of task:done: later", "listener of task:error: object", "listener of task:start: listener"],
  ];
  for (const where of ["in the loop", "in a thread"]) {
    errors.push(`abort listener of abort, callbacks ${where}: 7`);
    errors.push(`abort listener of abort rejects, callbacks ${where}: 8`);
    errors.push(`abort listener of onabort, callbacks ${where}: 7`);
    errors.push(`onDeadline of onDeadline, callbacks ${where}: 7`);
    errors.push(`onDeadline of onDeadline rejects, callbacks ${where}: 8`);
  }
  return errors.sort();
}

for (const runtime of ["node", "bun", "deno"] as const) {
  test(
    `${runtime}: what a program throws is one error of its task, or an event, and never the end`,
    async () => {
      const { seen, stderr } = await seenOn(runtime);
      expect(seen).toEqual({
        ...expectedEnds(),
        "floating": ["failed", "8", null, 0],
        "asked: throws": ["failed", "thrown", null, 0],
        "asked: rejects": ["failed", "thrown", null, 0],
        "checked": ["failed", "validate", null, 0],
        "refused once": ["completed", null, null, 0],
        "state": "ready",
        "stacks": [true, true, true],
        "errors": expectedErrors(),
      });
      expect(stderr).toBe("");
    },
  );
}
