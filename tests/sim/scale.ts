/**
 * What a cluster costs as it grows, in virtual time: real engines, no real network.
 *
 *   node tests/sim/scale.ts [--nodes 10,100,1000] [--tasks 100] [--write]
 *
 * For each size: nodes join, each holds so many tasks, then what is sent is counted: idle, when a node joins,
 * when one crashes for good, and for each node of a rolling restart. `--write` makes docs/scale.md.
 */
import { writeFileSync } from "node:fs";
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
  return `# Scale

Measured in virtual time by \`${command}\`: real engines, virtual network and disks, 128 partitions, leases of 4 s. Bytes are those of the frames that would be sent. What is counted
for a join, a crash and a restart is all that was sent until the cluster was at rest again, less what an idle cluster sends in that time.

${table(rows)}

- **Renewals grow with nodes, not with tasks**: a node sends one heartbeat a second to each node that keeps something for it. In a cluster of up to 64 that is everybody; in a larger one a node runs tasks of
  the 16 partitions nearest to it, so it beats to their keepers and to the deciders, at most 53 nodes.
- **Partitions are kept by the first 64 members**; further ones run tasks only. They are in the roster all the same: each epoch sends it to everybody, which is most of what a join costs in a large cluster.
- The real mesh connects every pair of nodes. That, and not the protocol, bounds real clusters to some hundred nodes today.
- CPU is not in this table: virtual nodes share one process. [testing.md](testing.md) says how to measure real processes.
`;
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
