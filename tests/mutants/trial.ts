/**
 * Tries tests on a copy of the sources, with a mutant in it or without. A test has caught a mutant when it
 * fails in the one copy and passes in the other: what fails by itself, or for a busy machine, is no catch.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { ROOT } from "../tidy/source.ts";
import type { Change } from "./draw.ts";
import { TYPES } from "./suites.ts";

/** Without bunfig.toml: by its limit a test that never ends takes four minutes. */
const COPIED = [
  "src",
  "tests",
  "examples",
  "bench",
  "docs",
  "mod.ts",
  "package.json",
  "deno.json",
  "tsconfig.json",
  "README.md",
  "CHANGELOG.md",
];
/** Who says nothing for so long does not end: a test has a minute, a simulation takes seconds. */
const SILENCE_MS_MAX = 180_000;

/** What fails with a mutant. */
export interface Catcher {
  /** A file of tests, `sim PROFILE SEED`, or `types`. */
  readonly suite: string;
  /** The test's name, or what the simulator's oracle says. */
  readonly test: string;
  /** It does not fail, it does not end. */
  readonly hangs?: true;
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly isSilent: boolean;
}

const children: Set<ChildProcess> = new Set();
const folders: Set<string> = new Set();

function endGroup({ pid }: ChildProcess): void {
  try {
    process.kill(-pid!, "SIGKILL");
  } catch { /* it has ended by itself */ }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    for (const child of children) endGroup(child);
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    process.exit(1);
  });
}

/** A copy of the sources in a folder of its own. */
export class Copy {
  readonly #folder: string;

  constructor() {
    this.#folder = mkdtempSync(join(tmpdir(), "stolos-mutant-"));
    folders.add(this.#folder);
    for (const part of COPIED) cpSync(join(ROOT, part), join(this.#folder, part), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(this.#folder, "node_modules"));
  }

  /** @throws Error when the text to replace does not occur exactly once. */
  mutate({ file, find, replace }: Change): void {
    const path = join(this.#folder, file);
    const text = readFileSync(path, "utf8");
    const count = text.split(find).length - 1;
    if (count !== 1) throw new Error(`Cannot change ${file}: ${find} must occur once, got ${count} times`);
    writeFileSync(path, text.replace(find, () => replace));
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
    folders.delete(this.#folder);
  }

  /** What of the suite fails here first, or null. `test` narrows it to one test. */
  async failureOf(suite: string, test = ""): Promise<Catcher | null> {
    const ended = await this.#run(commandOf(suite, test));
    return ended.code === 0 ? null : failuresIn(suite, ended)[0]!;
  }

  /** All that fails here. */
  async failuresOf(suite: string): Promise<readonly Catcher[]> {
    const ended = await this.#run(commandOf(suite).filter((word) => word !== BAIL));
    return ended.code === 0 ? [] : failuresIn(suite, ended);
  }

  #run(command: readonly string[]): Promise<Ended> {
    const [file, ...args] = command;
    const { FORCE_COLOR: _, ...rest } = process.env;
    const path = `${join(ROOT, "node_modules", ".bin")}${delimiter}${rest["PATH"] ?? ""}`;
    const env = { ...rest, PATH: path, NO_COLOR: "1" };
    const stdio = ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"];
    const child = spawn(file!, args, { cwd: this.#folder, env, stdio, detached: true });
    children.add(child);
    let output = "";
    let isSilent = false;
    const silence = setTimeout(() => {
      isSilent = true;
      endGroup(child);
    }, SILENCE_MS_MAX);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (data) => {
        output += String(data);
        silence.refresh();
      });
    }
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", () => endGroup(child));
      child.on("close", (code) => {
        clearTimeout(silence);
        children.delete(child);
        resolve({ code, output, isSilent });
      });
    });
  }
}

const BAIL = "--bail";
/** The oracle shows what it compares, and that may be a whole roster. */
const MESSAGE_CHARS_MAX = 160;

function commandOf(suite: string, test = ""): readonly string[] {
  if (suite === TYPES) return ["tsc", "--noEmit", "-p", "tsconfig.json"];
  const [kind, profile, seeds] = suite.split(" ");
  if (kind === "sim") return ["node", "tests/sim/main.ts", "--seeds", seeds!, "--profile", profile!];
  const all = ["bun", "test", `./${suite}`, BAIL, "--timeout", "60000"];
  // bun prints "group > test" and matches "group test"
  const name = test.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(" > ", "( >)? ");
  return test === "" ? all : [...all, "-t", `^${name}$`];
}

function failuresIn(suite: string, { output, isSilent }: Ended): readonly Catcher[] {
  const hangs = isSilent ? { hangs: true } as const : {};
  if (suite === TYPES) return [{ suite, test: /error (TS\d+: .*)/.exec(output)?.[1] ?? "", ...hangs }];
  if (!suite.startsWith("sim")) return failedTests(suite, output).map((failed) => ({ ...failed, ...hangs }));
  const [, seed, profile, message] = /^VIOLATION seed (\d+) profile (\w+): (.*)/m.exec(output) ?? [];
  if (seed === undefined) return [{ suite, test: isSilent ? "" : lastLineOf(output), ...hangs }];
  return [{ suite: `sim ${profile} ${seed}`, test: message!.slice(0, MESSAGE_CHARS_MAX) }];
}

/** By what bun prints: a file's name, then its tests. The file alone when it cannot say which test. */
function failedTests(suite: string, output: string): readonly Catcher[] {
  const failed: Catcher[] = [];
  let file = suite;
  const lines = output.split("\n");
  for (const [at, line] of lines.entries()) {
    if (/^\d+ tests? failed:$/.test(line)) break;
    if (/^\S+\.test\.ts:$/.test(line)) file = line.slice(0, -1);
    const test = /^\(fail\) (.*?)(?: \[[\d.]+m?s\])?$/.exec(line)?.[1];
    if (test === undefined) continue;
    const isLate = lines[at + 1]?.includes("this test timed out") ?? false;
    failed.push({ suite: file, test, ...(isLate ? { hangs: true } : {}) });
  }
  return failed.length > 0 ? failed : [{ suite: file, test: "" }];
}

function lastLineOf(output: string): string {
  const lines = output.trim().split("\n");
  return lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1)!;
}

/** What is known to pass in a copy that nothing was changed in. */
export class Unchanged {
  readonly #copy: Copy = new Copy();
  readonly #passed: Set<string> = new Set();

  async passes(suite: string, test = ""): Promise<boolean> {
    const key = `${suite}\n${test}`;
    if (this.#passed.has(key)) return true;
    if (await this.#copy.failureOf(suite, test)) return false;
    this.#passed.add(key);
    return true;
  }

  remove(): void {
    this.#copy.remove();
  }
}

/** The first of the suites' tests that catches the mutant; null when all let it through. */
export async function catcherOf(
  change: Change,
  suites: readonly string[],
  unchanged: Unchanged,
): Promise<Catcher | null> {
  const copy = new Copy();
  try {
    copy.mutate(change);
    for (const suite of suites) {
      const first = await copy.failureOf(suite);
      if (!first) continue;
      if (await isCatch(copy, unchanged, first)) return first;
      console.log(`  not counted: ${first.suite}: ${first.test}`);
      for (const failure of await copy.failuresOf(suite)) {
        if (failure.test !== first.test && await isCatch(copy, unchanged, failure)) return failure;
      }
    }
    return null;
  } finally {
    copy.remove();
  }
}

/** Fails with the mutant once more, alone or beside the rest of its file, and passes without it. */
async function isCatch(copy: Copy, unchanged: Unchanged, failure: Catcher): Promise<boolean> {
  const { suite, test } = failure;
  const tests = suite.startsWith("tests/") && test !== "" ? [test, ""] : [""];
  for (const narrow of tests) {
    const again = await copy.failureOf(suite, narrow);
    // what is late once may be so for a busy machine
    const isSame = again !== null && (failure.hangs || !again.hangs);
    if (isSame && await unchanged.passes(suite, narrow)) return true;
  }
  return false;
}

/** Whether `catcher` still fails with the mutant, and only with it. */
export async function isCaught(change: Change, catcher: Catcher, unchanged: Unchanged): Promise<boolean> {
  const copy = new Copy();
  try {
    copy.mutate(change);
    return await isCatch(copy, unchanged, catcher);
  } finally {
    copy.remove();
  }
}
