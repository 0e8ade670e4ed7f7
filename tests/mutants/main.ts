/**
 * Whether the tests see mutants that nobody chose (draw.ts).
 *
 *   node tests/mutants/main.ts                     each of list.json, against what caught it
 *   node tests/mutants/main.ts --draw 50 --seed 1  draws anew, and finds what catches each
 *   node tests/mutants/main.ts --only 3,17         some of the list
 *
 * Exits 1 when a mutant that was caught is caught no more, or when one survives without a reason in the list:
 * `equivalent` says why nothing can see it.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasFlag, optionOf } from "../sim/options.ts";
import { ROOT } from "../tidy/source.ts";
import { type Change, draw } from "./draw.ts";

interface Mutant extends Change {
  readonly no: number;
  /** What fails with it: a test file, or `sim PROFILE SEED`; "" = nothing. */
  readonly caughtBy: string;
  /** Why nothing can see it. */
  readonly equivalent?: string;
}

const LIST = join(import.meta.dirname, "list.json");
const COPIED = [
  "src",
  "tests",
  "examples",
  "docs",
  "mod.ts",
  "package.json",
  "deno.json",
  "tsconfig.json",
  "README.md",
];
const SUITE_MS_MAX = 240_000;
const SIM_SEEDS = "1-40";

/** Looked at in this order, the narrow ones first. */
const SUITES_BY_AREA: Readonly<Record<string, readonly string[]>> = {
  core: ["tests/unit/protocol", "tests/scenarios", "sim", "tests/unit/testing", "tests/conformance"],
  host: ["tests/unit/coordinator", "tests/unit/testing", "tests/conformance", "tests/parity"],
  consumer: ["tests/unit/consumer", "tests/unit/task", "tests/unit/testing", "tests/conformance"],
  store: ["tests/unit/store", "tests/conformance/store.test.ts"],
  leash: ["tests/unit/cli/exec", "tests/e2e/cli-leash.test.ts", "tests/e2e/cli-commands.test.ts"],
  mesh: ["tests/unit/mesh", "tests/e2e/security.test.ts", "tests/e2e/discovery.test.ts"],
};

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function run(folder: string, command: readonly string[]): Promise<Ended> {
  const [file, ...args] = command;
  const child = spawn(file!, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => output += String(data));
  const end = (): void => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch { /* it has ended by itself */ }
  };
  // a mutant may also never return
  const timer = setTimeout(end, SUITE_MS_MAX);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", end);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, output });
    });
  });
}

function commandOf(suite: string): readonly string[] {
  if (!suite.startsWith("sim")) return ["bun", "test", `./${suite}`, "--bail", "--timeout", "60000"];
  const [, profile = "all", seeds = SIM_SEEDS] = suite.split(" ");
  return ["node", "tests/sim/main.ts", "--seeds", seeds, "--profile", profile];
}

/** What of the suite failed, as narrow as its output tells; "" when nothing did. */
function failureOf(suite: string, { code, output }: Ended): string {
  if (code === 0) return "";
  if (suite.startsWith("sim")) {
    const [, seed, profile] = /^VIOLATION seed (\d+) profile (\w+)/m.exec(output) ?? [];
    return seed === undefined ? suite : `sim ${profile} ${seed}`;
  }
  const lines = output.split("\n");
  const failed = lines.findIndex((line) => line.startsWith("(fail)"));
  const file = lines.slice(0, Math.max(0, failed)).findLast((line) => /^tests\/.*\.ts:$/.test(line));
  return file?.slice(0, -1) ?? suite;
}

async function catcherOf(mutant: Change, suites: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "stolos-mutant-"));
  try {
    for (const part of COPIED) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const path = join(folder, mutant.file);
    const text = readFileSync(path, "utf8");
    if (text.split(mutant.find).length !== 2) {
      throw new Error(`Cannot make a mutant: its text must occur once in ${mutant.file}: ${mutant.find}`);
    }
    writeFileSync(path, text.replace(mutant.find, () => mutant.replace));
    for (const suite of suites) {
      const failure = failureOf(suite, await run(folder, commandOf(suite)));
      if (failure !== "") return failure;
    }
    return "";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function show({ no, area, file, line, caughtBy, equivalent }: Mutant): void {
  const verdict = caughtBy !== "" ? caughtBy : equivalent ? `equivalent: ${equivalent}` : "SURVIVES";
  console.log(`${String(no).padStart(3)} ${area.padEnd(9)} ${`${file}:${line}`.padEnd(52)} ${verdict}`);
}

async function drawAnew(): Promise<number> {
  const changes = await draw(Number(optionOf("draw", "50")), Number(optionOf("seed", "1")));
  const mutants: Mutant[] = [];
  for (const change of changes) {
    const caughtBy = await catcherOf(change, SUITES_BY_AREA[change.area]!);
    mutants.push({ no: mutants.length + 1, ...change, caughtBy });
    show(mutants.at(-1)!);
    writeFileSync(LIST, `${JSON.stringify(mutants, null, 2)}\n`);
  }
  return mutants.filter(({ caughtBy }) => caughtBy === "").length;
}

async function tryList(): Promise<number> {
  const only = optionOf("only", "").split(",").filter((no) => no !== "");
  const mutants = (JSON.parse(readFileSync(LIST, "utf8")) as Mutant[])
    .filter(({ no }) => only.length === 0 || only.includes(String(no)));
  let missed = 0;
  for (const mutant of mutants) {
    if (mutant.caughtBy === "") {
      if (!mutant.equivalent) missed++;
      show(mutant);
      continue;
    }
    const caughtBy = await catcherOf(mutant, [mutant.caughtBy]);
    if (caughtBy === "") missed++;
    show({ ...mutant, caughtBy });
  }
  return missed;
}

const missed = hasFlag("draw") ? await drawAnew() : await tryList();
console.log(`${missed} missed`);
process.exitCode = missed === 0 ? 0 : 1;
