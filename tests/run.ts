/**
 * Runs the test suites and adds them up: `node tests/run.ts [--gate] [--long [--after FILE]]`. Ends with the
 * line `N passed, N failed`.
 *
 * --gate   also format, lint and types, each as one check
 * --long   runs what takes longer instead: tests/long
 * --after  adds to the last such line of FILE, which another run has printed
 *
 * Two suites run beside each other. How one is run is suite.ts's, what counts is tally.ts's.
 */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { optionOf } from "./sim/options.ts";
import { endAll, type EndedSuite, type Suite, SuiteRun } from "./support/suite.ts";
import { findingsOf, lineOf, type SlowTest } from "./support/tally.ts";

const ROOT = join(import.meta.dirname, "..");
/** These machines may have one core: what waits for a process or a time leaves it to the other. */
const LANES = 2;
const PROGRESS_EVERY_MS = 20_000;
const SLOW_SHOWN = 5;

const GATE: readonly Suite[] = [
  { name: "format", command: ["deno", "fmt", "--check", "--quiet"] },
  { name: "lint", command: ["deno", "lint", "--quiet"] },
  { name: "types (tsc)", command: ["tsc", "--noEmit", "-p", "tsconfig.json"] },
  {
    name: "types (deno)",
    command: ["deno", "check", "--quiet", "mod.ts", "src/testing/kit.ts", "src/cli/main.ts"],
  },
];

const COMPUTING = [
  "tests/unit",
  "tests/tidy",
  "tests/types",
  "examples",
  "tests/scenarios",
  "tests/conformance",
  "tests/parity",
];

function suiteOf(path: string): Suite {
  return { name: path, command: ["bun", "test", "--timeout", "240000", `./${path}`] };
}

/** Each file of a folder as a suite, so that lanes share them. */
function filesOf(folder: string): Suite[] {
  return globSync(`${folder}/**/*.test.ts`, { cwd: ROOT }).sort().map(suiteOf);
}

class Totals {
  readonly findings: string[] = [];
  readonly #startedMs = performance.now();
  readonly #unhappy: string[] = [];
  readonly #slow: SlowTest[] = [];
  passed = 0;
  failed = 0;
  #skipped = 0;

  add(suite: Suite, ended: EndedSuite): void {
    this.passed += ended.passed;
    this.failed += ended.failed;
    this.#skipped += ended.skipped;
    this.#slow.push(...ended.slow);
    if (ended.failed === 0) return;
    this.#unhappy.push(suite.name);
    this.findings.push(`\n== failed in ${suite.name}\n${findingsOf(ended.output)}`);
  }

  print(): void {
    for (const finding of this.findings) console.log(finding);
    if (this.#unhappy.length > 0) console.log(`\nfailed in: ${this.#unhappy.join(", ")}`);
    if (this.#skipped > 0) console.log(`\n${this.#skipped} skipped: see "(skip)" above for what and why`);
    const slowest = this.#slow.sort((a, b) => b.ms - a.ms).slice(0, SLOW_SHOWN);
    console.log("\nslowest:");
    for (const { ms, name } of slowest) console.log(`${(ms / 1000).toFixed(1).padStart(7)} s  ${name}`);
    console.log(`\n${((performance.now() - this.#startedMs) / 60_000).toFixed(1)} min`);
    console.log(`${this.passed} passed, ${this.failed} failed`);
  }
}

/** Runs the suites, `lanes` at a time in their order, and says now and then how far they are. */
async function runAll(totals: Totals, suites: readonly Suite[], lanes: number): Promise<void> {
  const waiting = [...suites];
  const running = new Set<SuiteRun>();
  const isAlone = lanes === 1;
  const progress = setInterval(() => {
    const each = [...running].map(({ suite, passed }) => `${suite.name} ${passed} passed`);
    if (!isAlone) console.log(`.. ${each.join(", ")}; ${waiting.length} suites to come`);
  }, PROGRESS_EVERY_MS);
  await Promise.all(Array.from({ length: lanes }, async () => {
    for (let suite = waiting.shift(); suite; suite = waiting.shift()) {
      const run = new SuiteRun(suite);
      running.add(run);
      if (isAlone) console.log(`\n== ${suite.name}`);
      const ended = await run.run((text) => isAlone && process.stdout.write(text));
      running.delete(run);
      if (!isAlone) console.log(`\n== ${suite.name}\n${ended.output.trimEnd()}`);
      console.log(`-- ${suite.name}: ${(ended.tookMs / 1000).toFixed(1)} s`);
      totals.add(suite, ended);
    }
  }));
  clearInterval(progress);
}

/** Files of tests that no suite runs. */
function forgotten(suites: readonly Suite[]): string[] {
  return globSync("{src,tests,examples,bench}/**/*.test.ts", { cwd: ROOT })
    .filter((file) => !suites.some(({ name }) => file === name || file.startsWith(`${name}/`)));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    endAll();
    process.exit(1);
  });
}

const totals = new Totals();
const after = optionOf("after", "");
if (after !== "") {
  const before = lineOf(readFileSync(after, "utf8"));
  if (before === null) throw new Error(`Cannot add to ${after}: it has no line "N passed, N failed"`);
  totals.passed += before.passed;
  totals.failed += before.failed;
}
const computing = COMPUTING.filter((path) => existsSync(join(ROOT, path))).map(suiteOf);
const [simulating, real, long] = ["tests/sim", "tests/e2e", "tests/long"].map(filesOf) as [
  Suite[],
  Suite[],
  Suite[],
];
if (process.argv.includes("--long")) {
  await runAll(totals, long, 1);
} else {
  const gate = process.argv.includes("--gate") ? GATE : [];
  await runAll(totals, [...gate, ...computing, ...simulating], LANES);
  await runAll(totals, real, LANES);
}
for (const file of forgotten([...computing, ...simulating, ...real, ...long])) {
  totals.failed++;
  totals.findings.push(`\n${file} belongs to no suite of tests/run.ts`);
}
totals.print();
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);
