/**
 * What a cluster costs as it grows, in virtual time: real engines, no real network.
 *
 *   node tests/sim/scale.ts [--nodes 10,100,1000] [--tasks 100] [--write]
 *
 * For each size: nodes join, each holds so many tasks, then what is sent is counted: idle, when a node joins,
 * when one crashes for good, and for each node of a rolling restart. `--write` makes docs/scale.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Measurement, type Row } from "./scale-measurement.ts";
import { hasFlag, optionOf } from "./options.ts";

const COLUMNS: readonly (readonly [keyof Row, string])[] = [
  ["nodes", "nodes"],
  ["tasks", "tasks held"],
  ["waveEpochs", "epochs of the wave of joins"],
  ["waveS", "until all are in and the ring is level, s"],
  ["idleMessages", "idle: messages / node / s"],
  ["idleBytes", "idle: bytes / node / s"],
  ["joinKiB", "a join: KiB in all"],
  ["joinS", "a join: s"],
  ["crashKiB", "a crash: KiB in all"],
  ["crashS", "a crash: s until its tasks run again"],
  ["restartKiB", "rolling restart: KiB a node"],
  ["restartS", "rolling restart: s without an owner, most"],
];

function table(rows: readonly Row[]): string {
  const lines = COLUMNS.map(([key, title]) => `| ${[title, ...rows.map((row) => row[key])].join(" | ")} |`);
  return [lines[0]!, `|${"---|".repeat(rows.length + 1)}`, ...lines.slice(1)].join("\n");
}

function page(rows: readonly Row[], command: string): string {
  const template = readFileSync(new URL("scale.template.md", import.meta.url), "utf8");
  return template.replace("{command}", command).replace("{table}", table(rows));
}

const sizes = optionOf("nodes", "10,100,1000").split(",").map(Number);
const tasksEach = Number(optionOf("tasks", "100"));
const rows: Row[] = [];
for (const size of sizes) {
  const started = performance.now();
  const row = new Measurement(size, tasksEach).run();
  rows.push(row);
  console.log(JSON.stringify(row), `(${Math.round((performance.now() - started) / 1000)} s)`);
}
console.log(table(rows));
if (hasFlag("write")) {
  const command = `node tests/sim/scale.ts --nodes ${sizes.join(",")} --tasks ${tasksEach} --write`;
  writeFileSync(fileURLToPath(new URL("../../docs/scale.md", import.meta.url)), page(rows, command));
}
