/**
 * The simulator from the command line, on Bun, Deno or Node:
 *
 *   node tests/sim/main.ts --seeds 1-2000 [--profile NAME | --profile all] [--jobs 2] [--trace] [--keep 200]
 *   node tests/sim/main.ts --seeds 1-20 --hash
 *
 * Prints every violation with its last trace lines and the command that replays it; exits 1 when there is
 * one.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { PROFILES } from "../../src/simulator/profiles.ts";
import { type RunReport, simulate } from "../../src/simulator/simulate.ts";
import { hasFlag, optionOf, runtimeCommand, seedsOf } from "./options.ts";

const TRACES_SHOWN_MAX = 3;

interface Summary {
  runs: number;
  violations: { seed: number; profile: string; invariant: string; message: string }[];
  totals: Record<string, number>;
  virtualMs: number;
}

function replayCommand(report: { readonly seed: number; readonly profile: string }): string {
  return `node tests/sim/main.ts --seeds ${report.seed} --profile ${report.profile} --trace`;
}

function emptySummary(): Summary {
  return { runs: 0, violations: [], totals: {}, virtualMs: 0 };
}

function note(summary: Summary, report: RunReport): void {
  summary.runs++;
  summary.virtualMs += report.virtualMs;
  for (const [name, count] of Object.entries(report.counts)) {
    summary.totals[name] = (summary.totals[name] ?? 0) + (count as number);
  }
  const { seed, profile, invariant, message } = report;
  if (invariant !== "") summary.violations.push({ seed, profile, invariant, message });
}

/** Every `step`-th seed from `first`. */
function runSeeds(first: number, last: number, step: number, profiles: readonly string[]): Summary {
  const summary = emptySummary();
  for (const profile of profiles) {
    for (let seed = first; seed <= last; seed += step) note(summary, simulate(seed, profile));
  }
  return summary;
}

async function runJobs(first: number, last: number, jobs: number, profile: string): Promise<Summary> {
  const script = fileURLToPath(import.meta.url);
  const [program, ...before] = runtimeCommand();
  const parts = await Promise.all(Array.from({ length: jobs }, (_, job) => {
    const range = `${first + job}-${last}`;
    const own = ["--seeds", range, "--profile", profile, "--step", String(jobs), "--json"];
    return new Promise<Summary>((resolve, reject) => {
      const child = spawn(program!, [...before, script, ...own], { stdio: ["ignore", "pipe", "inherit"] });
      let text = "";
      child.stdout.on("data", (data) => text += String(data));
      child.on("error", reject);
      child.on("close", (code) => {
        if (code === 0) resolve(JSON.parse(text) as Summary);
        else reject(new Error(`Cannot run the seeds ${range}: the process failed, got exit code ${code}`));
      });
    });
  }));
  const all = emptySummary();
  for (const part of parts) {
    all.runs += part.runs;
    all.virtualMs += part.virtualMs;
    all.violations.push(...part.violations);
    for (const [name, count] of Object.entries(part.totals)) {
      all.totals[name] = (all.totals[name] ?? 0) + count;
    }
  }
  return all;
}

function showViolations({ violations }: Summary): void {
  violations.sort((a, b) => a.seed - b.seed);
  for (const [i, violation] of violations.entries()) {
    console.log(`\nVIOLATION seed ${violation.seed} profile ${violation.profile}: ${violation.message}`);
    if (i < TRACES_SHOWN_MAX) {
      const { lines } = simulate(violation.seed, violation.profile, { trace: true, keep: keep() });
      for (const line of lines) console.log(`  ${line}`);
    }
    console.log(`  replay: ${replayCommand(violation)}`);
  }
}

function keep(): number {
  return Number(optionOf("keep", "60"));
}

async function main(): Promise<number> {
  const { first, last } = seedsOf(optionOf("seeds", "1-200"));
  const profile = optionOf("profile", "general");
  const profiles = profile === "all" ? PROFILES : [profile];
  if (hasFlag("hash") || hasFlag("trace")) {
    let status = 0;
    for (let seed = first; seed <= last; seed++) {
      const report = simulate(seed, profiles[0]!, { trace: true, keep: hasFlag("trace") ? keep() : 0 });
      for (const line of report.lines) console.log(line);
      if (hasFlag("hash")) console.log(`${seed} ${report.hash}`);
      if (report.invariant !== "") {
        status = 1;
        console.log(`VIOLATION seed ${seed} profile ${report.profile}: ${report.message}`);
      }
    }
    return hasFlag("hash") ? 0 : status;
  }
  const startedMs = performance.now();
  const jobs = Number(optionOf("jobs", "1"));
  const step = Number(optionOf("step", "1"));
  const summary = jobs > 1
    ? await runJobs(first, last, jobs, profile)
    : runSeeds(first, last, step, profiles);
  if (hasFlag("json")) {
    console.log(JSON.stringify(summary));
    return 0;
  }
  showViolations(summary);
  const seconds = (performance.now() - startedMs) / 1000;
  const rate = (summary.runs / seconds).toFixed(1);
  const hours = (summary.virtualMs / 3_600_000).toFixed(1);
  console.log(
    `${summary.runs} runs (${profile}), ${seconds.toFixed(1)} s, ${rate} runs/s, ${hours} virtual hours`,
  );
  console.log(Object.entries(summary.totals).map(([name, count]) => `${count} ${name}`).join(", "));
  console.log(`${summary.violations.length} violations`);
  return summary.violations.length === 0 ? 0 : 1;
}

process.exitCode = await main();
