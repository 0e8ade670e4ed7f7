/**
 * Runs one suite of tests as a process group of its own, of which nothing is left when it ends. It has no
 * limit of time, since nobody knows how busy the machine is: it is stopped when it has said nothing for long.
 */
import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { LineTally, type SuiteTally } from "./tally.ts";

const ROOT = join(import.meta.dirname, "../..");
/** How much of one suite's output is kept, from its end. */
const OUTPUT_CHARS_MAX = 4_000_000;
/** The longest test says nothing for a minute on a quiet machine. */
const SILENCE_MS_MAX = 600_000;

export interface Suite {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface EndedSuite extends SuiteTally {
  readonly output: string;
  readonly tookMs: number;
}

/** Groups that are still running: none of them outlives this process. */
const running = new Set<number>();

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch { /* the group has ended by itself */ }
  running.delete(pid);
}

/** Ends every suite that runs. */
export function endAll(): void {
  for (const pid of running) endGroup(pid);
}

/** The runtimes of package.json come first; plain text, because the lines are read. */
function environment(): NodeJS.ProcessEnv {
  const path = `${join(ROOT, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}`;
  const { FORCE_COLOR: _, ...rest } = process.env;
  return { ...rest, PATH: path, NO_COLOR: "1" };
}

/** A suite that runs. */
export class SuiteRun {
  readonly suite: Suite;
  readonly #tally = new LineTally();

  constructor(suite: Suite) {
    this.suite = suite;
  }

  /** Tests that have passed so far. */
  get passed(): number {
    return this.#tally.passed;
  }

  /** @param show gets what the suite prints as it comes */
  run(show: (text: string) => void): Promise<EndedSuite> {
    const startedMs = performance.now();
    const [file, ...args] = this.suite.command;
    const stdio = ["ignore", "pipe", "pipe"] as ["ignore", "pipe", "pipe"];
    const child = spawn(file!, args, {
      cwd: ROOT,
      env: { ...environment(), ...this.suite.env },
      detached: true,
      stdio,
    });
    const { pid } = child;
    if (pid !== undefined) running.add(pid);
    let output = "";
    const take = (text: string): void => {
      output = (output + text).slice(-OUTPUT_CHARS_MAX);
      this.#tally.take(text);
      silence.refresh();
      show(text);
    };
    const silence = setTimeout(() => {
      take(`\n${this.suite.name}: stopped, it had said nothing for ${SILENCE_MS_MAX / 1000} s\n`);
      if (pid !== undefined) endGroup(pid);
    }, SILENCE_MS_MAX);
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", take);
    child.on("error", (error) => take(`${error.message}\n`));
    // what it left behind must not keep its pipes, and so this process, open
    child.on("exit", () => pid !== undefined && endGroup(pid));
    return new Promise((resolve) =>
      child.on("close", (code) => {
        clearTimeout(silence);
        resolve({ ...this.#tally.ended(code ?? 1), output, tookMs: performance.now() - startedMs });
      })
    );
  }
}
