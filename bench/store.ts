/**
 * The durable store alone: `node bench/store.ts` (or bun, deno run -A). Commits a second, how long one takes
 * and how long it stops the loop, on the store's own thread and in the loop; syncs counted by strace where
 * there is one; start-up and size of a directory with 100,000 tasks before and after compaction.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PersistRecord } from "../src/protocol/model/contract.ts";
import { RecordFile } from "../src/store/record-file.ts";
import { rowOf } from "../src/store/record-row.ts";
import { sqliteStore } from "../src/store/sqlite-store.ts";
import type { Store } from "../src/store/store.ts";
import { ballotOf, taskEntry } from "../tests/support/records.ts";

const TASKS = 100_000;
const PARTITIONS = 128;
const PAYLOAD_BYTES = 100;
const COMMITS = 400;
const TASK_STATE_BYTES = 250;

function append(store: Store, records: readonly PersistRecord[]): Promise<void> {
  return new Promise((resolve) => store.append(records, resolve));
}

/** One turn of the loop: one entry for each of so many partitions. */
function turnOf(at: number, count: number): readonly PersistRecord[] {
  return Array.from({ length: count }, (_, p) => ({
    type: "append",
    p,
    cfg: 1,
    prevIndex: at,
    entries: [taskEntry(`task-${at}-${p}`, PAYLOAD_BYTES)],
  }));
}

function quantile(sorted: readonly number[], part: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(2);
}

function report(what: string, takenMs: number[], tookMs: number, stalledMs: number[]): void {
  const [taken, stalled] = [takenMs, stalledMs].map((all) => all.sort((a, b) => a - b));
  const rate = Math.round(takenMs.length / tookMs * 1000);
  console.log(
    `${what}: ${rate} commits/s, ms p50 ${quantile(taken!, 0.5)} p99 ${quantile(taken!, 0.99)}; ` +
      `the loop stops for p50 ${quantile(stalled!, 0.5)} p99 ${quantile(stalled!, 0.99)}`,
  );
}

async function onThread(directory: string, count: number): Promise<void> {
  const store = sqliteStore(directory);
  await store.open();
  const [takenMs, stalledMs]: [number[], number[]] = [[], []];
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  for (let at = 0; at < COMMITS; at++) {
    const records = turnOf(at, count);
    const beforeMs = performance.now();
    const written = append(store, records);
    stalledMs.push(performance.now() - beforeMs);
    await written;
    takenMs.push(performance.now() - beforeMs);
  }
  report(`thread, ${count} records, CPU ${cpuSince(cpu)}`, takenMs, performance.now() - startMs, stalledMs);
  await store.close();
}

function inLoop(directory: string, count: number): void {
  const file = RecordFile.open(directory);
  const takenMs: number[] = [];
  const startMs = performance.now();
  const cpu = process.cpuUsage();
  for (let at = 0; at < COMMITS; at++) {
    const records = turnOf(at, count);
    const beforeMs = performance.now();
    file.commit(records.map((record) => rowOf(record, false)));
    takenMs.push(performance.now() - beforeMs);
  }
  report(`in the loop, ${count} records, CPU ${cpuSince(cpu)}`, takenMs, performance.now() - startMs, [
    ...takenMs,
  ]);
  file.close();
}

function cpuSince(before: NodeJS.CpuUsage): string {
  const { user, system } = process.cpuUsage(before);
  return `${Math.round((user + system) / COMMITS)} µs`;
}

function sizeOf(directory: string): string {
  const sizes = readdirSync(directory).map((name) => statSync(join(directory, name)).size);
  return `${(sizes.reduce((sum, size) => sum + size, 0) / 1e6).toFixed(1)} MB`;
}

async function startUp(directory: string, what: string): Promise<void> {
  const startMs = performance.now();
  const store = sqliteStore(directory);
  await store.open();
  const records = store.load();
  const tookMs = Math.round(performance.now() - startMs);
  console.log(`${what}: opened and read in ${tookMs} ms, ${records.length} records, ${sizeOf(directory)}`);
  await store.close();
}

/** Every task as one submit in a log; 8 to an append, as a busy steward would have it. */
async function manyTasks(directory: string): Promise<void> {
  const perPartition = Math.ceil(TASKS / PARTITIONS);
  const store = sqliteStore(directory);
  await store.open();
  for (let at = 0; at < perPartition; at += 8) {
    await append(
      store,
      Array.from({ length: PARTITIONS }, (_, p) => ({
        type: "append",
        p,
        cfg: 1,
        prevIndex: at,
        entries: Array.from({ length: 8 }, (_, each) => taskEntry(`task-${at + each}-${p}`, PAYLOAD_BYTES)),
      })),
    );
  }
  await store.close();
  await startUp(directory, `${TASKS} tasks in logs`);
  await store.open();
  store.load();
  const state = new Uint8Array(perPartition * TASK_STATE_BYTES).fill(3);
  const startMs = performance.now();
  for (let p = 0; p < PARTITIONS; p++) {
    const end = { ballot: ballotOf(1), index: perPartition };
    await append(store, [{ type: "compact", p, cfg: 1, end, state }]);
  }
  console.log(`compacting ${PARTITIONS} partitions took ${Math.round(performance.now() - startMs)} ms`);
  for (let at = 0; at < 200; at++) await append(store, turnOf(perPartition + at, PARTITIONS));
  await store.close();
  await startUp(directory, `${TASKS} tasks in images, 200 turns later`);
}

/** The same in a process under strace, which counts the syncs. */
function countSyncs(directory: string): void {
  const own = process.argv[1] ?? "";
  const args = [
    "-f",
    "-c",
    "-e",
    "trace=fsync,fdatasync",
    process.execPath,
    own,
    "--only-commits",
    directory,
  ];
  const { stderr, error } = spawnSync("strace", args, { encoding: "utf8" });
  if (error) return console.log("syncs: not counted, there is no strace");
  const rows = stderr.split("\n").map((line) => line.trim().split(/\s+/));
  const counted = rows.filter((columns) => /^f(data)?sync$/.test(columns.at(-1) ?? ""));
  const count = counted.reduce((sum, columns) => sum + Number(columns[3]), 0);
  console.log(`syncs: ${count} in ${COMMITS} commits, with opening and closing`);
}

const root = mkdtempSync(join(tmpdir(), "stolos-bench-"));
try {
  const only = process.argv.indexOf("--only-commits");
  if (only > 0) {
    await onThread(process.argv[only + 1] ?? "", 1);
  } else {
    for (const count of [1, 10, 100, 128]) {
      await onThread(join(root, `thread-${count}`), count);
      inLoop(join(root, `loop-${count}`), count);
    }
    if (!("Deno" in globalThis)) countSyncs(join(root, "syncs"));
    await manyTasks(join(root, "tasks"));
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
