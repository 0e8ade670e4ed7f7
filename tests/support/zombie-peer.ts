/**
 * Runs commands that leave zombies and orphans behind on a leash, as process 1 of a PID namespace, which
 * waits for none of them. Prints a JSON line for each: how it ended, after how many ms, beside how many
 * zombies.
 */
import { readdirSync, readFileSync } from "node:fs";
import { LeashPool } from "../../src/cli/exec/leash-pool.ts";
import { parseStat } from "../../src/cli/exec/process-group.ts";

const [directory = "", ...scripts] = process.argv.slice(2);
const LEASE_MS = 60_000;
const leash = new LeashPool();

async function run(script: string, no: number): Promise<void> {
  const startMs = performance.now();
  const end = await leash.run({
    task: `task ${no}`,
    start: {
      key: String(no),
      argv: ["sh", "-c", script],
      cwd: directory,
      env: {},
      out: `${directory}/out`,
      err: `${directory}/err`,
      header: "===",
      marginMs: LEASE_MS / 4,
    },
    remainingMs: () => LEASE_MS,
    onLingering: (why) => console.log(JSON.stringify({ why })),
  }).end;
  console.log(JSON.stringify({ end, ms: performance.now() - startMs, zombies: zombieCount() }));
}

function zombieCount(): number {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return parseStat(readFileSync(`/proc/${name}/stat`, "utf8"))?.isAlive === false;
    } catch {
      return false;
    }
  }).length;
}

if (process.pid !== 1) throw new Error(`Cannot try it: it must be process 1, got ${process.pid}`);
// the supervisor starts
await run("true", 0);
for (const [at, script] of scripts.entries()) await run(script, at + 1);
await leash.close();
process.exit(0);
