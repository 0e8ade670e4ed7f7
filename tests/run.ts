/**
 * Runs the test suites one after another and adds them up: `node tests/run.ts [--gate]`. Ends with the line
 * `N passed, N failed`. With --gate also format, lint and types, each as one check.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const BIN = join(import.meta.dirname, "..", "node_modules", ".bin");
const env = { ...process.env, PATH: `${BIN}${delimiter}${process.env.PATH ?? ""}` };

interface Suite {
  readonly name: string;
  readonly command: readonly string[];
  readonly limitMs: number;
}

const MINUTE_MS = 60_000;
const GATE: readonly Suite[] = [
  { name: "format", command: ["deno", "fmt", "--check", "--quiet"], limitMs: MINUTE_MS },
  { name: "lint", command: ["deno", "lint", "--quiet"], limitMs: MINUTE_MS },
  { name: "types (tsc)", command: ["tsc", "--noEmit", "-p", "tsconfig.json"], limitMs: 2 * MINUTE_MS },
  { name: "types (deno)", command: ["deno", "check", "mod.ts", "src/cli/main.ts"], limitMs: 2 * MINUTE_MS },
];
const TESTS: readonly Suite[] = [
  ["tests/tidy.test.ts", 1],
  ["tests/unit", 3],
  ["tests/conformance", 2],
  ["tests/scenarios", 1],
  ["tests/sim", 4],
  ["tests/e2e", 5],
].filter(([path]) => existsSync(String(path))).map(([path, minutes]) => ({
  name: String(path),
  command: ["bun", "test", "--timeout", "120000", `./${path}`],
  limitMs: Number(minutes) * MINUTE_MS,
}));

/** Runs one command in a process group of its own, so that nothing of it outlives its time. */
function run(suite: Suite): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const [file, ...args] = suite.command;
    const child = spawn(file!, args, { env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const take = (data: Uint8Array): void => {
      output += data.toString();
      process.stdout.write(data);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    const end = (): void => {
      try {
        process.kill(-child.pid!, "SIGKILL");
      } catch { /* the group has ended by itself */ }
    };
    const timer = setTimeout(() => {
      output += `\n${suite.name}: stopped after ${suite.limitMs / 1000} s\n`;
      end();
    }, suite.limitMs);
    child.on("error", (error) => (output += String(error)));
    child.on("close", (code) => {
      clearTimeout(timer);
      end();
      resolve({ code: code ?? 1, output });
    });
  });
}

let passed = 0;
let failed = 0;
const unhappy: string[] = [];
for (const suite of process.argv.includes("--gate") ? [...GATE, ...TESTS] : TESTS) {
  console.log(`\n== ${suite.name}`);
  const { code, output } = await run(suite);
  const ok = Number(/^\s*(\d+) pass$/m.exec(output)?.[1] ?? 0);
  const bad = Number(/^\s*(\d+) fail$/m.exec(output)?.[1] ?? 0);
  const isCounted = ok + bad > 0;
  passed += isCounted ? ok : code === 0 ? 1 : 0;
  const misses = bad > 0 || code === 0 ? bad : 1;
  failed += misses;
  if (misses > 0) unhappy.push(suite.name);
}
if (unhappy.length > 0) console.log(`\nfailed in: ${unhappy.join(", ")}`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
