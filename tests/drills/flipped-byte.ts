/**
 * Show: one byte of a killed peer's directory is flipped, in every file, one place at a time. Read by the
 * store alone at many places, started as a peer (cut off from the others, on a copy) at some: it says what
 * is wrong and how to go on, or its state is the same. Then the directory is moved away, and it joins as a
 * new member.
 */
import { spawn } from "node:child_process";
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import { commandOn } from "../../examples/demo/peer-process.ts";
import { RecordFile } from "../../src/store/record-file.ts";
import type { Row } from "../../src/store/row.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { beat } from "../support/beat-handlers.ts";
import { DurableCluster } from "../support/durable-cluster.ts";
import { eventually, type Report, runShow, seconds } from "../support/drill.ts";

const TASK_COUNT = 60;
const EARLIER_COUNT = 1500;
/** Evenly spread over each file. */
const PLACES_READ = 150;
const PLACES_STARTED = 4;
const NOTICED_WITHIN_MS = 15_000;
const WAY_OUT = /move the directory away and start again/;

interface Read {
  readonly boot: number;
  readonly privateKey: Uint8Array;
  readonly rows: readonly Row[];
}

await runShow("one flipped byte in each file of a peer's directory", async (report, directory) => {
  await using cluster = await DurableCluster.create({
    namespace: `show-flip-${process.pid}`,
    names: ["a", "b", "c"],
    directory,
    args: ["--handlers", join(import.meta.dirname, "../support/beat-handlers.ts"), "--capacity", "400"],
    env: { STOLOS_BEATS: directory },
    onEvent: (name, event) => {
      if (/^(store|evicted|join|peer:rejected|stopped)/.test(event.event)) {
        report.say(`  ${name}: ${JSON.stringify(event).slice(0, 160)}`);
      }
    },
  });
  cluster.start();
  await cluster.ready();
  await submit(report, cluster, "earlier", EARLIER_COUNT);
  // a stop writes the log into the database
  await cluster.peer("c").stop();
  cluster.start(["c"]);
  await cluster.ready(["c"]);
  await submit(report, cluster, "before");
  await cluster.kill(["c"]);
  const [state, copy] = [join(cluster.dataOf("c"), "state"), join(directory, "copy")];
  readAtManyPlaces(report, state, copy);
  const noticed = await startAtSomePlaces(report, state, join(directory, "started"));
  await submit(report, cluster, "meanwhile");
  if (noticed === undefined) return report.check("a flip was noticed", false);

  flip(state, noticed);
  cluster.start(["c"]);
  await eventually(() => !cluster.peer("c").isRunning, NOTICED_WITHIN_MS);
  report.check(
    "c refuses to run",
    cluster.peer("c").child.exitCode === 1,
    `${cluster.peer("c").child.exitCode}`,
  );
  renameSync(cluster.dataOf("c"), join(directory, "moved-away"));
  await rejoin(report, cluster);
});

async function submit(report: Report, cluster: DurableCluster, prefix: string, count = TASK_COUNT) {
  await using client = await cluster.client();
  const handles = await client.submitMany(
    beat,
    Array.from({ length: count }, (_, at) => ({ id: `${prefix}-${at}`, input: { ms: 1 } })),
  );
  const outcomes = await Promise.all(handles.map((handle) => handle.done()));
  const isDone = outcomes.every((outcome) => outcome.state === "completed");
  report.check(`${count} tasks ${prefix} are completed`, isDone);
}

interface Place {
  readonly file: string;
  readonly offset: number;
}

function placesOf(directory: string, count: number): Place[] {
  return readdirSync(directory).toSorted().flatMap((file) => {
    const { size } = statSync(join(directory, file));
    const offsets = Array.from({ length: count }, (_, at) => Math.round(at * (size - 1) / (count - 1)));
    return size === 0 ? [] : [...new Set(offsets)].map((offset) => ({ file, offset }));
  });
}

function flip(directory: string, { file, offset }: Place): void {
  const bytes = readFileSync(join(directory, file));
  bytes[offset]! ^= 0x10;
  writeFileSync(join(directory, file), bytes);
}

function copyFlipped(from: string, to: string, place: Place | null): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
  if (place) flip(to, place);
}

function read(directory: string): Read | StoreError {
  try {
    const file = RecordFile.open(directory);
    const { boot, privateKey } = file;
    const rows = file.takeRows().map((row) => ({ ...row, bytes: row.bytes.slice() }));
    file.close();
    return { boot, privateKey, rows };
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
}

function readAtManyPlaces(report: Report, state: string, copy: string): void {
  copyFlipped(state, copy, null);
  const whole = read(copy);
  if (whole instanceof StoreError) throw whole;
  report.say(`c has ${whole.rows.length} rows that count`);
  for (const [file, places] of Map.groupBy(placesOf(state, PLACES_READ), (place) => place.file)) {
    const messages = new Map<string, number>();
    const wrong: string[] = [];
    let [noticed, same] = [0, 0];
    for (const place of places) {
      copyFlipped(state, copy, place);
      const flipped = read(copy);
      if (flipped instanceof StoreError) {
        noticed += 1;
        if (flipped.code !== "STORE_CORRUPT" || !WAY_OUT.test(flipped.message)) {
          wrong.push(`byte ${place.offset}: ${flipped.code} ${flipped.message}`);
        }
        const text = shape(flipped.message, copy);
        messages.set(text, (messages.get(text) ?? 0) + 1);
      } else if (isDeepStrictEqual(flipped, whole)) same += 1;
      else wrong.push(`byte ${place.offset}: not noticed, and what is read differs`);
    }
    const seen = `${noticed} noticed, ${same} read the same, of ${places.length}`;
    report.check(`${file} (${statSync(join(state, file)).size} bytes): ${seen}`, wrong.length === 0);
    for (const each of wrong.slice(0, 5)) report.say(`  | ${each.replaceAll(copy, "DIR")}`);
    for (const [text, count] of [...messages].toSorted((a, b) => b[1] - a[1]).slice(0, 6)) {
      report.say(`  | ${count} x ${text}`);
    }
  }
}

/** A message without its numbers and the advice that all share. */
function shape(message: string, directory: string): string {
  const text = message.replaceAll(directory, "DIR").replace(/\. To go on.*/s, " …").replaceAll("\n", " ");
  return text.replace(/\d+/g, "N").slice(0, 140);
}

/** The last place that was noticed. The copies meet nobody: they would be older copies of a node. */
async function startAtSomePlaces(report: Report, state: string, data: string): Promise<Place | undefined> {
  let last: Place | undefined;
  for (const place of placesOf(state, PLACES_STARTED)) {
    copyFlipped(state, join(data, "state"), place);
    const result = await startAlone(data);
    const where = `${place.file} byte ${place.offset}`;
    if (result === null) {
      report.say(`${where}: the peer runs`);
      continue;
    }
    const isSaid = result.code === 1 && WAY_OUT.test(result.stderr) && result.stderr.split("\n").length < 4;
    report.check(`${where}: exit code ${result.code}`, isSaid);
    report.say(`  | ${result.stderr.trimEnd().replaceAll(data, "DIR").slice(0, 300)}`);
    last = place;
  }
  return last;
}

/** How it ended by itself, or null when it runs. */
function startAlone(data: string): Promise<{ code: number | null; stderr: string } | null> {
  const args = ["peer", "--json", "--namespace", `alone-${process.pid}`, "--no-mdns", "--log", "warn"];
  const line = commandOn("node", "src/cli/main.ts", [...args, "--expect", "3", "--data", data]);
  const child = spawn(line[0] ?? "", line.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  return new Promise((resolve) => {
    let stderr = "";
    let isRunning = false;
    child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
    child.stdout.on("data", () => {
      isRunning = true;
      child.kill("SIGKILL");
    });
    child.on("close", (code) => resolve(isRunning ? null : { code, stderr }));
  });
}

async function rejoin(report: Report, cluster: DurableCluster): Promise<void> {
  const startMs = performance.now();
  cluster.start(["c"]);
  await cluster.ready(["c"]);
  report.say(`with its directory moved away c is a member after ${seconds(performance.now() - startMs)}`);
  await using client = await cluster.client();
  const { isWhole, nodes } = await cluster.whole(client, 60_000);
  report.check("it is a new member, the old one is gone, each partition has three keepers", isWhole, nodes);
  report.say(`... after ${seconds(performance.now() - startMs)}`);
  await cluster.kill(["a"]);
  await submit(report, cluster, "without-a");
  await using later = await cluster.client();
  const expected = EARLIER_COUNT + 3 * TASK_COUNT;
  let count = 0;
  for await (const { state } of later.list()) if (state === "completed") count += 1;
  report.check("all is there without a", count === expected, `${count} of ${expected}`);
}
