/**
 * Plays every scenario of this folder. UPDATE=1 rewrites what is expected: commit only what you can explain.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { joinScenario, parseScenario, runScenario } from "./scenario.ts";

const FOLDER = new URL("./", import.meta.url);
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith(".txt")).sort();

test("the scenarios are found", () => expect(NAMES.length).toBeGreaterThan(5));

for (const name of NAMES) {
  test(`the scenario "${name.replace(".txt", "").replaceAll("-", " ")}" goes as written`, () => {
    const url = new URL(name, FOLDER);
    const scenario = parseScenario(readFileSync(url, "utf8"));
    const happened = runScenario(scenario.commands);
    if (process.env.UPDATE) writeFileSync(url, joinScenario({ ...scenario, expected: happened }));
    else expect(happened).toBe(scenario.expected);
  });
}
