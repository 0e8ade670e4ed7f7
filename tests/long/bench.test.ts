/** The benchmark as a program: what it prints for other programs, and what it says to wrong arguments. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const LIMIT_MS = 60_000;

function bench(
  ...args: readonly string[]
): { readonly status: number | null; readonly out: string; readonly err: string } {
  const { status, stdout, stderr } = spawnSync("node", ["bench/main.ts", ...args], {
    cwd: ROOT,
    encoding: "utf8",
    timeout: LIMIT_MS,
  });
  return { status, out: stdout, err: stderr };
}

test("w1 measures three processes and ends with one line of JSON", () => {
  const { status, out } = bench("w1", "--ours-only", "--pairs", "1", "--tasks", "500", "--json");
  expect(status).toBe(0);
  expect(JSON.parse(out.trim().split("\n").at(-1)!)).toEqual({
    workload: "w1",
    ours: { tasksPerS: expect.any(Number), cpuUsPerTask: expect.any(Number) },
  });
});

test("wrong arguments are named, and nothing is measured", () => {
  expect(bench("w9")).toMatchObject({ status: 1, err: expect.stringContaining("must be one of w1, w2") });
  expect(bench("w1", "--pairs", "0").err).toContain("--pairs must be a whole number from 1");
  expect(bench("w1", "--runtime", "bun").err).toContain("--runtime goes with --ours-only");
});
