/**
 * Adds up what `bun test` prints: tests that passed, failed or were skipped, and how long each took. Lines
 * are counted as they come, so that what a suite has passed counts when it is stopped, too.
 */

export interface SlowTest {
  readonly ms: number;
  readonly name: string;
}

export interface SuiteTally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly slow: readonly SlowTest[];
}

/** How many lines before a failed test's own line are repeated: bun prints its error above it. */
const LINES_BEFORE_FAIL = 30;
/** How many last lines are repeated of a suite that ended badly and named no test. */
const LINES_AT_END = 40;
/** A test's own line: its outcome, its name and, unless it is skipped, what it took. */
const TEST_LINE = /^\((pass|fail|skip|todo)\) (.*?)(?: \[([\d.]+)(m?s)\])?$/;

/** What has been counted of one suite so far. */
export class LineTally {
  readonly #slow: SlowTest[] = [];
  #passed = 0;
  #failed = 0;
  #skipped = 0;
  /** The end of a line that has not come whole. */
  #rest = "";
  #file = "";
  #isSummary = false;

  get passed(): number {
    return this.#passed;
  }

  take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) this.#takeLine(line);
  }

  /**
   * A suite of bun's counts its tests, anything else counts as one. One that ends badly has at least one
   * failure.
   */
  ended(code: number): SuiteTally {
    this.take("\n");
    const isCounted = this.#passed + this.#failed + this.#skipped > 0;
    const isBad = code !== 0;
    return {
      passed: isCounted ? this.#passed : isBad ? 0 : 1,
      failed: this.#failed > 0 || !isBad ? this.#failed : 1,
      skipped: this.#skipped,
      slow: this.#slow,
    };
  }

  #takeLine(line: string): void {
    if (/^\S+\.test\.ts:$/.test(line)) {
      this.#file = line.slice(0, -1);
      this.#isSummary = false;
    }
    // bun names those that failed or were skipped once more after its last file
    if (/^\d+ tests? (failed|skipped|todo):$/.test(line)) this.#isSummary = true;
    const found = TEST_LINE.exec(line);
    if (!found || this.#isSummary) return;
    const [, outcome, name, took, unit] = found;
    if (outcome === "pass") this.#passed++;
    else if (outcome === "fail") this.#failed++;
    else this.#skipped++;
    const ms = Number(took ?? 0) * (unit === "s" ? 1000 : 1);
    this.#slow.push({ ms, name: `${this.#file}: ${name}` });
  }
}

/** The failed tests of an output with what was printed just before each; else how the output ends. */
export function findingsOf(output: string): string {
  const lines = output.trimEnd().split("\n");
  const found: string[] = [];
  let shownTo = 0;
  lines.forEach((line, index) => {
    if (!line.startsWith("(fail)") || found.includes(line)) return;
    const before = lines.slice(Math.max(shownTo, index - LINES_BEFORE_FAIL), index);
    const lastPass = before.findLastIndex((text) => text.startsWith("(pass)"));
    found.push(...before.slice(lastPass + 1), line);
    shownTo = index + 1;
  });
  return (found.length > 0 ? found : lines.slice(-LINES_AT_END)).join("\n");
}

/** The last line `N passed, N failed` of an output, to be added to. */
export function lineOf(output: string): { readonly passed: number; readonly failed: number } | null {
  const found = [...output.matchAll(/^(\d+) passed, (\d+) failed$/gm)].at(-1);
  return found ? { passed: Number(found[1]), failed: Number(found[2]) } : null;
}
