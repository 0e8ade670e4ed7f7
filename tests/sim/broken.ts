/**
 * Searches the first seed that catches each deliberately broken protocol:
 *
 *   node tests/sim/broken.ts [--only NAME,NAME] [--max 2000] [--from 1]
 *
 * Exits 1 when one of them goes unnoticed: then the simulator is not good enough.
 */
import { MUTANTS } from "./broken/index.ts";
import { findSeed } from "./mutant.ts";
import { optionOf } from "./options.ts";

async function main(): Promise<number> {
  const only = optionOf("only", "").split(",").filter((name) => name !== "");
  const from = Number(optionOf("from", "1"));
  const last = from - 1 + Number(optionOf("max", "2000"));
  let missedCount = 0;
  console.log(`${"name".padEnd(36)} ${"profile".padEnd(11)} ${"caught by".padEnd(10)} first seed   seconds`);
  for (const mutant of MUTANTS) {
    if (only.length > 0 && !only.includes(mutant.name)) continue;
    const startedMs = performance.now();
    const report = await findSeed(mutant, from, last);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    if (!report) missedCount++;
    const found = report ? String(report.seed).padStart(10) : "NOT CAUGHT";
    const invariant = (report?.invariant ?? "-").padEnd(10);
    console.log(`${mutant.name.padEnd(36)} ${mutant.profile.padEnd(11)} ${invariant} ${found} ${seconds.padStart(9)}`);
  }
  return missedCount === 0 ? 0 : 1;
}

process.exitCode = await main();
