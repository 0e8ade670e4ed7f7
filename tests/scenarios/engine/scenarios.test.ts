/**
 * Runs every text scenario of this folder: commands, `----`, expected trace. `UPDATE=1` rewrites the traces.
 */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ScenarioCluster } from "./stage.ts";

const SEPARATOR = "----\n";
const FILES = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".txt")).sort();

test("the scenarios are found", () => expect(FILES.length).toBeGreaterThan(3));

for (const file of FILES) {
  test(`scenario ${file} gives its trace`, () => {
    const path = join(import.meta.dirname, file);
    const [script = "", expected = ""] = readFileSync(path, "utf8").split(SEPARATOR);
    const cluster = new ScenarioCluster();
    for (const line of script.split("\n")) if (line && !line.startsWith("#")) cluster.run(line.trim());
    const trace = cluster.trace.join("\n") + "\n";
    if (process.env["UPDATE"] === "1") writeFileSync(path, script + SEPARATOR + trace);
    else expect(trace).toBe(expected);
  });
}
