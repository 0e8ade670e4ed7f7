/**
 * A process that writes under many fences at once: `fence-writer.ts KIND ADDRESS KEY FENCE…`. Says "ready",
 * and when a line comes in on stdin it writes, and says what became of each, as JSON.
 */
import { connectTarget, type Kind } from "./fence-targets.ts";
import { valueOf } from "./fence-value.ts";

const [kind = "", address = "", key = "", ...fences] = process.argv.slice(2);
const target = connectTarget(kind as Kind, address);
await target.read(key);
console.log("ready");
await new Promise((resolve) => process.stdin.once("data", resolve));
const verdicts = await Promise.all(fences.map(async (fence) => {
  const verdict = await target.write({ key, fence: BigInt(fence), value: valueOf(BigInt(fence)) });
  return [fence, verdict];
}));
console.log(JSON.stringify(verdicts));
await target[Symbol.asyncDispose]();
process.exit(0);
