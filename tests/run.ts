/**
 * Runs the test suites and adds them up: `node tests/run.ts [--gate]`. Ends with the line `N passed, N
 * failed`.
 * With --gate also format, lint and types, each as one check. Suites that only compute run beside each other;
 * those that start processes and measure time run alone.
 */
import { spawn } from "node:child_process";
import { existsSync, globSync } from "node:fs";
import { delimiter, join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const BIN = join(ROOT, "node_modules", ".bin");
/** The runtimes of package.json come first; plain text, because the summaries are read. */
const env: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${BIN}${delimiter}${process.env.PATH ?? ""}`,
  NO_COLOR: "1",
};
delete env.FORCE_COLOR;

interface Suite {
  readonly name: string;
  readonly command: readonly string[];
  readonly limitMs: number;
}

interface Ended {
  readonly code: number;
  readonly output: string;
  readonly tookMs: number;
}

const MINUTE_MS = 60_000;
/** How much of one suite's output is kept, from its end. */
const OUTPUT_CHARS_MAX = 4_000_000;

const GATE: readonly Suite[] = [
  { name: "format", command: ["deno", "fmt", "--check", "--quiet"], limitMs: MINUTE_MS },
  { name: "lint", command: ["deno", "lint", "--quiet"], limitMs: MINUTE_MS },
  { name: "types (tsc)", command: ["tsc", "--noEmit", "-p", "tsconfig.json"], limitMs: 2 * MINUTE_MS },
  {
    name: "types (deno)",
    command: ["deno", "check", "--quiet", "mod.ts", "src/testing/kit.ts", "src/cli/main.ts"],
    limitMs: 2 * MINUTE_MS,
  },
];

function tests(path: string, minutes: number): readonly Suite[] {
  if (!existsSync(join(ROOT, path))) return [];
  const command = ["bun", "test", "--timeout", "120000", `./${path}`];
  return [{ name: path, command, limitMs: minutes * MINUTE_MS }];
}

/** Groups of suites that are still running: none of them outlives this process. */
const running = new Set<number>();

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch { /* the group has ended by itself */ }
  running.delete(pid);
}

/** Runs one command in a process group of its own, so that nothing of it outlives its time. */
function run(suite: Suite, isShown: boolean): Promise<Ended> {
  return new Promise((resolve) => {
    const startedMs = performance.now();
    const [file, ...args] = suite.command;
    const child = spawn(file!, args, { cwd: ROOT, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const { pid } = child;
    if (pid !== undefined) running.add(pid);
    let output = "";
    const take = (text: string): void => {
      output = (output + text).slice(-OUTPUT_CHARS_MAX);
      if (isShown) process.stdout.write(text);
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", take);
    const timer = setTimeout(() => {
      take(`\n${suite.name}: stopped after ${suite.limitMs / 1000} s\n`);
      if (pid !== undefined) endGroup(pid);
    }, suite.limitMs);
    child.on("error", (error) => take(`${error.message}\n`));
    // what it left behind must not keep its pipes, and so this process, open
    child.on("exit", () => pid !== undefined && endGroup(pid));
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code: code ?? 1, output, tookMs: performance.now() - startedMs });
    });
  });
}

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
  readonly unhappy: string[];
  /** What failed, to be repeated at the very end, where a reader of a long log looks. */
  readonly findings: string[];
}

/** How many lines before a failed test's own line are repeated: bun prints its error above it. */
const LINES_BEFORE_FAIL = 30;
/** How many last lines are repeated of a suite that ended badly and named no test. */
const LINES_AT_END = 40;

/** The failed tests of an output with what was printed just before each; else how the output ends. */
function findingsOf(output: string): string {
  const lines = output.trimEnd().split("\n");
  const found: string[] = [];
  let shownTo = 0;
  lines.forEach((line, index) => {
    // bun names them all once more at its end
    if (!line.startsWith("(fail)") || found.includes(line)) return;
    const before = lines.slice(Math.max(shownTo, index - LINES_BEFORE_FAIL), index);
    const lastPass = before.findLastIndex((text) => text.startsWith("(pass)"));
    found.push(...before.slice(lastPass + 1), line);
    shownTo = index + 1;
  });
  return (found.length > 0 ? found : lines.slice(-LINES_AT_END)).join("\n");
}

/**
 * A suite of bun's counts its tests, anything else counts as one; one that ends badly has at least one
 * failure.
 */
function count(tally: Tally, suite: Suite, { code, output }: Ended): void {
  const passed = Number(/^\s*(\d+) pass$/m.exec(output)?.[1] ?? 0);
  const failed = Number(/^\s*(\d+) fail$/m.exec(output)?.[1] ?? 0);
  const skipped = Number(/^\s*(\d+) skip$/m.exec(output)?.[1] ?? 0);
  const isCounted = passed + failed + skipped > 0;
  tally.skipped += skipped;
  tally.passed += isCounted ? passed : code === 0 ? 1 : 0;
  const misses = failed > 0 || code === 0 ? failed : 1;
  tally.failed += misses;
  if (misses === 0) return;
  tally.unhappy.push(suite.name);
  tally.findings.push(`\n== failed in ${suite.name}\n${findingsOf(output)}`);
}

/** Lanes run beside each other, the suites of a lane one after another. */
async function runLanes(tally: Tally, lanes: readonly (readonly Suite[])[]): Promise<void> {
  const isAlone = lanes.length === 1;
  await Promise.all(lanes.map(async (lane) => {
    for (const suite of lane) {
      if (isAlone) console.log(`\n== ${suite.name}`);
      const ended = await run(suite, isAlone);
      if (!isAlone) console.log(`\n== ${suite.name}\n${ended.output.trimEnd()}`);
      console.log(`-- ${suite.name}: ${(ended.tookMs / 1000).toFixed(1)} s`);
      count(tally, suite, ended);
    }
  }));
}

/** Files of tests that no suite runs. */
function forgotten(suites: readonly Suite[]): string[] {
  return globSync("{src,tests,examples,bench}/**/*.test.ts", { cwd: ROOT })
    .filter((file) => !suites.some(({ name }) => file === name || file.startsWith(`${name}/`)));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    for (const pid of running) endGroup(pid);
    process.exit(1);
  });
}
const tally: Tally = { passed: 0, failed: 0, skipped: 0, unhappy: [], findings: [] };
const gate = process.argv.includes("--gate") ? GATE : [];
const computing = [
  ...tests("tests/tidy", 1),
  ...tests("tests/unit", 7),
  ...tests("examples", 1),
  ...tests("tests/scenarios", 1),
  ...tests("tests/conformance", 2),
  ...tests("tests/parity", 2),
];
const simulating = tests("tests/sim", 9);
const real = tests("tests/e2e", 14);
await runLanes(tally, [[...gate, ...computing], simulating]);
await runLanes(tally, [real]);
for (const file of forgotten([...computing, ...simulating, ...real])) {
  tally.failed++;
  tally.findings.push(`\n${file} belongs to no suite of tests/run.ts`);
}
for (const finding of tally.findings) console.log(finding);
if (tally.unhappy.length > 0) console.log(`\nfailed in: ${tally.unhappy.join(", ")}`);
if (tally.skipped > 0) console.log(`\n${tally.skipped} skipped: see "(skip)" above for what and why`);
console.log(`\n${tally.passed} passed, ${tally.failed} failed`);
process.exit(tally.failed === 0 && tally.passed > 0 ? 0 : 1);
