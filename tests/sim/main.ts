/**
 * The simulator from the command line, on Bun, Deno or Node:
 *
 *   node tests/sim/main.ts --seeds 1-2000 [--profile NAME,NAME | all] [--jobs 2] [--trace] [--keep 200]
 *   node tests/sim/main.ts --seeds 1-20000 --profile all --log FILE [--piece 50]
 *   node tests/sim/main.ts --seeds 1-20 --hash
 *
 * Prints every violation with its last trace lines and the command that replays it; exits 1 when there is
 * one. With `--log` each piece that has ended is in the file: stopped and started again, it goes on there.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { simulate } from "../../src/simulator/simulate.ts";
import { CampaignLog, type Piece, PIECE_SEEDS, sumsText } from "./campaign.ts";
import { hasFlag, optionOf, profilesOf, runtimeCommand, seedsOf } from "./options.ts";
import { addUp, emptySummary, note, replayCommand, type Summary } from "./summary.ts";

const TRACES_SHOWN_MAX = 3;

/** Every `step`-th seed from `first`. */
function runSeeds(first: number, last: number, step: number, profiles: readonly string[]): Summary {
  const summary = emptySummary();
  for (const profile of profiles) {
    for (let seed = first; seed <= last; seed += step) note(summary, simulate(seed, profile));
  }
  return summary;
}

/** In a process of its own. `children`: those that run now. */
function runInChild(own: readonly string[], children: Set<ChildProcess> = new Set()): Promise<Summary> {
  const [program, ...before] = runtimeCommand();
  return new Promise((resolve, reject) => {
    const args = [...before, fileURLToPath(import.meta.url), ...own, "--json"];
    const child = spawn(program!, args, { stdio: ["ignore", "pipe", "inherit"] });
    children.add(child);
    let text = "";
    child.stdout.on("data", (data) => text += String(data));
    child.on("error", reject);
    child.on("close", (code) => {
      children.delete(child);
      if (code === 0) resolve(JSON.parse(text) as Summary);
      else reject(new Error(`Cannot run ${own.join(" ")}: the process failed, got exit code ${code}`));
    });
  });
}

async function runJobs(first: number, last: number, jobs: number, profile: string): Promise<Summary> {
  const parts = await Promise.all(Array.from({ length: jobs }, (_, job) => {
    const range = `${first + job}-${last}`;
    return runInChild(["--seeds", range, "--profile", profile, "--step", String(jobs)]);
  }));
  const all = emptySummary();
  for (const part of parts) addUp(all, part);
  return all;
}

/** What a log's figures are of. @throws Error when the sources are no commit's. */
function commitHere(): string {
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const git = (...args: string[]): string => execFileSync("git", args, { cwd, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--", "src", "tests/sim");
  if (changed === "") return git("rev-parse", "--short=12", "HEAD");
  throw new Error(
    `Cannot write a log: its figures are those of a commit, and these are not committed:\n${changed}`,
  );
}

/** Runs the pieces. SIGINT and SIGTERM stop it: what runs then, runs again next time. */
async function runCampaign(log: CampaignLog, pieces: readonly Piece[]): Promise<number> {
  const children: Set<ChildProcess> = new Set();
  let signal: "SIGINT" | "SIGTERM" | null = null;
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.on(name, () => {
      signal = name;
      for (const child of children) child.kill("SIGKILL");
    });
  }
  const due = [...pieces];
  console.log(`${due.length} pieces to run`);
  const work = async (): Promise<void> => {
    for (let piece = due.shift(); piece && signal === null; piece = due.shift()) {
      const { profile, first, last } = piece;
      const range = `${first}-${last}`;
      try {
        const summary = await runInChild(["--seeds", range, "--profile", profile], children);
        log.add(piece, summary);
        console.log(`${profile} ${range}: ${summary.runs} runs, ${summary.violations.length} violations`);
      } catch (error) {
        if (signal === null) throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Number(optionOf("jobs", "1")) }, work));
  const sums = log.sums();
  const violations = [...sums.values()].flatMap((sum) => sum.violations);
  for (const violation of violations) {
    console.log(`VIOLATION ${violation.message}\n  replay: ${replayCommand(violation)}`);
  }
  console.log(sumsText(sums));
  if (signal !== null) console.log("stopped: the same command goes on here");
  return signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : violations.length === 0 ? 0 : 1;
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

/** One line a run with `--hash`, in the order of the profiles; the whole trace with `--trace`. */
function runTraced(first: number, last: number, profiles: readonly string[]): number {
  let status = 0;
  for (const profile of profiles) {
    for (let seed = first; seed <= last; seed++) {
      const report = simulate(seed, profile, { trace: true, keep: hasFlag("trace") ? keep() : 0 });
      for (const line of report.lines) console.log(line);
      if (hasFlag("hash")) console.log(`${seed} ${report.hash}`);
      if (report.invariant !== "") {
        status = 1;
        console.log(`VIOLATION seed ${seed} profile ${profile}: ${report.message}`);
      }
    }
  }
  return hasFlag("hash") ? 0 : status;
}

async function main(): Promise<number> {
  const { first, last } = seedsOf(optionOf("seeds", "1-200"));
  const profile = optionOf("profile", "general");
  const profiles = profilesOf(profile);
  const file = optionOf("log", "");
  if (file !== "") {
    const log = new CampaignLog(file, commitHere());
    const pieceSeeds = Number(optionOf("piece", String(PIECE_SEEDS)));
    return await runCampaign(log, log.remaining(profiles, { first, last, pieceSeeds }));
  }
  if (hasFlag("hash") || hasFlag("trace")) return runTraced(first, last, profiles);
  // a terminal sends it to all: who started this one decides
  if (hasFlag("json")) process.on("SIGINT", () => {});
  const startedMs = performance.now();
  const jobs = Number(optionOf("jobs", "1"));
  const step = Number(optionOf("step", "1"));
  const summary = jobs > 1
    ? await runJobs(first, last, jobs, profile)
    : runSeeds(first, last, step, profiles);
  if (hasFlag("json")) {
    const { user, system } = process.cpuUsage();
    summary.cpuMs = Math.round((user + system) / 1000);
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

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof Error) || !error.message.startsWith("Cannot")) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
