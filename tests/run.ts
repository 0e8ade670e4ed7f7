/**
 * Runs the test suites and adds them up: `node tests/run.ts [--gate] [--long [--after FILE]]`. Ends with the
 * line `N passed, N failed`.
 *
 * --gate   also format, lint and types, each as one check
 * --long   runs what takes longer instead: tests/long, and some on further runtimes
 * --after  adds to the last such line of FILE, which another run has printed
 *
 * Suites run beside each other. How one is run is suite.ts's, what counts is tally.ts's.
 */
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { optionOf } from "./sim/options.ts";
import { endAll, type EndedSuite, type Suite, SuiteRun } from "./support/suite.ts";
import { findingsOf, lineOf, type SlowTest } from "./support/tally.ts";

const ROOT = join(import.meta.dirname, "..");
/** One more than there are cores: what waits for a process or a time leaves its core to the others. */
const LANES = Math.min(4, availableParallelism() + 1);
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

/** The longest ones come first, so that none is left running alone at the end. */
const FIRST = [
  "tests/unit",
  "tests/sim/broken.test.ts",
  "tests/sim/swarm.test.ts",
  "tests/e2e/cli-leash.test.ts",
  "tests/e2e/cli-cluster.test.ts",
];

/** Each broken protocol is new code that runs for a moment: to optimize it takes longer than to run it. */
const ENV_BY_SUITE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "tests/sim/broken.test.ts": { BUN_JSC_useDFGJIT: "0" },
};

/** What `npm test` runs on one runtime, and --long on the others (tests/support/runtimes.ts). */
const FURTHER = ["tests/e2e/cli-cluster.test.ts"];

function suiteOf(path: string): Suite {
  return { name: path, command: ["bun", "test", `./${path}`], env: ENV_BY_SUITE[path] ?? {} };
}

function furtherOf(path: string): Suite {
  return { ...suiteOf(path), env: { FURTHER_RUNTIMES: "1" } };
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

  /** Since the run began. */
  get minutes(): string {
    return ((performance.now() - this.#startedMs) / 60_000).toFixed(1);
  }

  print(): void {
    for (const finding of this.findings) console.log(finding);
    if (this.#unhappy.length > 0) console.log(`\nfailed in: ${this.#unhappy.join(", ")}`);
    if (this.#skipped > 0) console.log(`\n${this.#skipped} skipped: see "(skip)" above for what and why`);
    const slowest = this.#slow.sort((a, b) => b.ms - a.ms).slice(0, SLOW_SHOWN);
    console.log("\nslowest:");
    for (const { ms, name } of slowest) console.log(`${(ms / 1000).toFixed(1).padStart(7)} s  ${name}`);
    console.log(`\n${this.minutes} min`);
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
    if (!isAlone) {
      console.log(`.. ${totals.minutes} min: ${each.join(", ")}; ${waiting.length} suites to come`);
    }
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

/** A place in `order`; what has none comes after. */
function placeOf(name: string, order: readonly string[]): number {
  const at = order.indexOf(name);
  return at < 0 ? order.length : at;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    endAll();
    process.exit(1);
  });
}

// what one process of Node's has compiled, the next need not: there are hundreds
const compiled = mkdtempSync(join(tmpdir(), "stolos-compiled-"));
process.env.NODE_COMPILE_CACHE = compiled;
process.on("exit", () => rmSync(compiled, { recursive: true, force: true }));

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
  await runAll(totals, [...FURTHER.map(furtherOf), ...long], 1);
} else {
  const gate = process.argv.includes("--gate") ? GATE : [];
  const all = [...gate, ...real, ...simulating, ...computing];
  all.sort((a, b) => placeOf(a.name, FIRST) - placeOf(b.name, FIRST));
  await runAll(totals, all, LANES);
}
for (const file of forgotten([...computing, ...simulating, ...real, ...long])) {
  totals.failed++;
  totals.findings.push(`\n${file} belongs to no suite of tests/run.ts`);
}
totals.print();
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);
