/** How full the machine is, as each runtime sees it. */
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cpuReporter, memoryReporter } from "../../../../src/consumer/balancers/reporters.ts";

const RUNTIMES = [["node"], ["bun"], ["deno", "run", "-A"]] as const;

function isSane({ used, total }: { used: number; total: number }): boolean {
  return used > 0 && used <= total && total < Infinity;
}

test("memory and processors are used in part", () => {
  expect(isSane(memoryReporter().used())).toBe(true);
  expect(isSane(cpuReporter().used())).toBe(true);
  expect(memoryReporter().used().total).toBeGreaterThan(2 ** 26);
});

test("the processors' times are not read more often than once a second", () => {
  const reporter = cpuReporter();
  expect(reporter.used()).toEqual(reporter.used());
});

for (const [program, ...before] of RUNTIMES) {
  test(`both reporters work on ${program}`, () => {
    const bin = fileURLToPath(new URL("../../../../node_modules/.bin/", import.meta.url));
    const script = fileURLToPath(new URL("../../../support/reporters-run.ts", import.meta.url));
    const text = execFileSync(bin + program, [...before, script], { encoding: "utf8" });
    const read = JSON.parse(text) as { used: number; total: number }[];
    expect(read.map(isSane)).toEqual([true, true]);
  });
}
