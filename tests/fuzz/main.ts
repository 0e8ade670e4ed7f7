/**
 * Throws garbage and changed recordings of real traffic at everything that reads bytes of others:
 *
 *   node tests/fuzz/main.ts [--seconds 60] [--seed N]      also with bun, or: deno run -A
 *
 * Half of the time at the decoders, half at a real node on loopback. Exits 1 when something was found: an
 * error of the wrong kind, a crash, a node that does not work any more, memory that grows.
 */
import { parseArgs } from "node:util";
import { Rng } from "../../src/testing/rng.ts";
import { fuzzDecoders, type Tally } from "./decoders.ts";
import { record } from "./recordings.ts";
import { fuzzNode } from "./strangers.ts";

const GROWN_MB_MAX = 300;

const { values } = parseArgs({ options: { seconds: { type: "string" }, seed: { type: "string" } } });
const seconds = Number(values.seconds ?? 60);
const seed = Number(values.seed ?? Date.now() % 1e6);
if (!(seconds > 0) || !Number.isSafeInteger(seed)) {
  throw new RangeError(
    `Cannot fuzz: --seconds and --seed must be numbers, got ${values.seconds} ${values.seed}`,
  );
}
const runtime = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
const rng = new Rng(seed);
const recordings = record();
const decoders = fuzzDecoders(rng, recordings, seconds / 2);
const { tallies, grownMb } = await fuzzNode(rng, recordings, seconds / 2);
const all: readonly Tally[] = [...decoders, ...tallies];
console.log(`${runtime}, seed ${seed}, ${recordings.frames.length} recorded frames`);
for (const { surface, inputs, rejected, seconds, findings } of all) {
  const cells = [surface.padEnd(20), String(inputs).padStart(9), String(rejected).padStart(9)];
  console.log(`  ${cells.join("  ")}  ${seconds.toFixed(1).padStart(6)} s  ${findings.length} found`);
}
for (const { surface, inputHex, error } of all.flatMap(({ findings }) => findings)) {
  console.log(`FOUND in ${surface}: ${error}\n  input ${inputHex}`);
}
const foundCount = all.reduce((sum, { findings }) => sum + findings.length, 0);
const isGrown = grownMb > GROWN_MB_MAX;
console.log(`${foundCount} found; memory grew by ${grownMb.toFixed(0)} MB${isGrown ? ": too much" : ""}`);
process.exit(foundCount === 0 && !isGrown ? 0 : 1);
