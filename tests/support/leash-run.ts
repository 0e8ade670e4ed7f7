/**
 * Runs commands on a leash, one after the other: the arguments are a directory for their output and a JSON
 * file of what is to be run. Prints a JSON line for each: how it ended, and why output of it was lost.
 */
import { readFileSync } from "node:fs";
import { LeashPool } from "../../src/cli/exec/leash-pool.ts";
import type { LeashStart } from "../../src/cli/exec/leash-messages.ts";

const LEASE_MS = 100_000;
const [directory = "", list = ""] = process.argv.slice(2);
const commands = JSON.parse(readFileSync(list, "utf8")) as Partial<LeashStart>[];
const leash = new LeashPool();
for (const [no, command] of commands.entries()) {
  const lost: string[] = [];
  const start: LeashStart = {
    key: String(no),
    argv: [],
    cwd: directory,
    env: {},
    out: `${directory}/${no}.out`,
    err: `${directory}/${no}.err`,
    header: "===",
    marginMs: LEASE_MS / 4,
    ...command,
  };
  const leashed = leash.run({
    task: String(no),
    start,
    remainingMs: () => LEASE_MS,
    onLingering: () => {},
    onOutputLost: (why) => lost.push(why),
  });
  console.log(JSON.stringify({ end: await leashed.end, lost }));
}
await leash.close();
process.exit(0);
