/**
 * Searches the first seed that catches each deliberately broken protocol:
 *
 *   node tests/sim/broken.ts [--only NAME,NAME] [--max 2000] [--from 1] [--jobs 2] [--seconds 120] [--write]
 *
 * Each mutant runs in a process of its own, since a broken protocol may also never return; that is reported
 * as "hangs". `--write` notes the seeds in the mutants' files: any change of the protocol or the simulator
 * moves them. Exits 1 when one goes unnoticed: then the simulator is not good enough.
 */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MUTANTS } from "./broken/index.ts";
import { findSeed, type Mutant } from "./mutant.ts";
import { hasFlag, optionOf, runtimeCommand } from "./options.ts";

interface Verdict {
  readonly seed: number;
  readonly invariant: string;
}

const NOTHING: Verdict = { seed: 0, invariant: "" };

/** A run that takes longer does not end by itself. */
const HANG_MS = 40_000;

/** Runs the search in another process, for at most `secondsMax`. */
function search(mutant: Mutant, secondsMax: number): Promise<Verdict> {
  const [program, ...before] = runtimeCommand();
  const own = ["--one", mutant.name, "--from", optionOf("from", "1"), "--max", optionOf("max", "2000")];
  return new Promise((resolve, reject) => {
    const args = [...before, fileURLToPath(import.meta.url), ...own];
    const child = spawn(program!, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    let isHanging = false;
    const stop = (hangs: boolean): void => {
      isHanging = hangs;
      child.kill("SIGKILL");
    };
    const timer = setTimeout(() => stop(false), secondsMax * 1000);
    let watchdog = setTimeout(() => stop(true), HANG_MS);
    child.stdout.on("data", (data) => {
      text += String(data);
      clearTimeout(watchdog);
      watchdog = setTimeout(() => stop(true), HANG_MS);
    });
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(timer);
      clearTimeout(watchdog);
      const last = text.split("\n").findLast((line) => line.endsWith("}"));
      const verdict = last === undefined ? NOTHING : JSON.parse(last) as Verdict;
      resolve(verdict.invariant === "hangs" && !isHanging ? NOTHING : verdict);
    });
  });
}

/** In the child: one line a seed, so that the parent knows where it hangs. */
async function searchHere(name: string): Promise<void> {
  const mutant = MUTANTS.find((mutant) => mutant.name === name);
  if (!mutant) throw new RangeError(`Cannot search: no such broken protocol, got ${name}`);
  const from = Number(optionOf("from", "1"));
  const last = from - 1 + Number(optionOf("max", "2000"));
  const print = (verdict: Verdict): void => {
    process.stdout.write(`${JSON.stringify(verdict)}\n`);
  };
  const report = await findSeed(mutant, from, last, (seed) => print({ seed, invariant: "hangs" }));
  print(report ? { seed: report.seed, invariant: report.invariant } : NOTHING);
}

function remember(mutant: Mutant, seed: number): void {
  const path = fileURLToPath(new URL(`./broken/${mutant.name}.ts`, import.meta.url));
  writeFileSync(path, readFileSync(path, "utf8").replace(/^ {2}seed: \d+,$/m, `  seed: ${seed},`));
}

async function main(): Promise<number> {
  const only = optionOf("only", "").split(",").filter((name) => name !== "");
  const due = MUTANTS.filter(({ name }) => only.length === 0 || only.includes(name));
  const secondsMax = Number(optionOf("seconds", "120"));
  let missedCount = 0;
  console.log(`${"name".padEnd(32)} ${"profile".padEnd(11)} ${"caught by".padEnd(9)} first seed   seconds`);
  const work = async (): Promise<void> => {
    for (let mutant = due.shift(); mutant; mutant = due.shift()) {
      const startedMs = performance.now();
      const { seed, invariant } = await search(mutant, secondsMax);
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      if (invariant === "") missedCount++;
      else if (invariant !== "hangs" && hasFlag("write")) remember(mutant, seed);
      const found = invariant === "" ? "NOT CAUGHT" : String(seed).padStart(10);
      const how = (invariant || "-").padEnd(9);
      console.log(
        `${mutant.name.padEnd(32)} ${mutant.profile.padEnd(11)} ${how} ${found} ${seconds.padStart(9)}`,
      );
    }
  };
  await Promise.all(Array.from({ length: Number(optionOf("jobs", "1")) }, work));
  return missedCount === 0 ? 0 : 1;
}

if (hasFlag("one")) await searchHere(optionOf("one", ""));
else process.exitCode = await main();
