/** Drills that end by themselves within minutes, each as a user runs it: its exit code is its verdict. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const LINES_SHOWN = 40;

const DRILLS: readonly (readonly string[])[] = [
  ["rolling"],
  ["recover", "--nodes", "3"],
  ["store-kill", "--rounds", "2"],
  ["nemesis", "--minutes", "1"],
];

for (const [name, ...args] of DRILLS) {
  test(`the drill ${name} ends well: npm run drill ${name} -- ${args.join(" ")}`, () => {
    const script = join(ROOT, "tests/drills/main.ts");
    const { status, stdout, stderr } = spawnSync("node", [script, name!, ...args], { encoding: "utf8" });
    const said = `${stdout}${stderr}`.trimEnd().split("\n").slice(-LINES_SHOWN).join("\n");
    if (status !== 0) console.log(said);
    expect(status).toBe(0);
  }, 3_600_000);
}
