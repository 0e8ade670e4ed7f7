/** Recovery on real directories: all or none, whatever cuts it off, and words for what is of no use. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makePrivateKey, nodeIdOf } from "../../../src/mesh/private-key.ts";
import { recover, Recovering, type RecoverReport } from "../../../src/node/recover.ts";
import type { PersistRecord } from "../../../src/protocol/model/contract.ts";
import type { Roster } from "../../../src/protocol/model/types.ts";
import { decodeRecord } from "../../../src/protocol/wire/records.ts";
import { RecordFile } from "../../../src/store/record-file.ts";
import { rowOf } from "../../../src/store/record-row.ts";
import { diskOf, keptBy, rosterOf, submitOf } from "../../support/survivors.ts";

const ROOT = fs.mkdtempSync(join(tmpdir(), "stolos-recover-"));
afterAll(() => fs.rmSync(ROOT, { recursive: true, force: true }));
const keys: Uint8Array[] = [];
beforeAll(async () => {
  for (let no = 1; no <= 5; no++) keys.push(await makePrivateKey());
});
let count = 0;
const fresh = (): string => join(ROOT, String(count++));

/** Five nodes that keep 8 partitions, of which each directory has a task or two. */
function clusterOf(name = "c"): Roster {
  const chains = Array.from({ length: 8 }, (_, p) => keptBy(...[0, 1, 2].map((at) => (p + at) % 5 + 1)));
  const roster = rosterOf(5, chains);
  const members = roster.members.map((member, at) => ({ ...member, id: nodeIdOf(keys[at]!) }));
  return { ...roster, cluster: name, members };
}

function directoryOf(no: number, roster: Roster = clusterOf()): string {
  const directory = fresh();
  const file = RecordFile.open(directory);
  file.keepPrivateKey(keys[no - 1]!);
  const mine = [...roster.chains.entries()].filter(([, [configuration]]) =>
    configuration!.keepers.includes(no)
  );
  const logs = Object.fromEntries(mine.map(([p]) => [p, [submitOf(`t${p}`), submitOf(`u${p}`)]]));
  file.commit(diskOf(roster, logs).map((record) => rowOf(record, false)));
  file.close();
  return directory;
}

function recordsIn(directory: string): readonly PersistRecord[] {
  const file = RecordFile.open(directory);
  const records = file.takeRows().map(({ bytes }) => decodeRecord(bytes));
  file.close();
  return records;
}

/** All of it as text; the name of a new cluster is made up each time. */
function contentOf(directory: string): string {
  return JSON.stringify(
    recordsIn(directory),
    (_key, value: unknown) => value instanceof Uint8Array ? String(value) : value,
  ).replace(/"[0-9a-f-]{36}-of-/g, '"X-of-');
}

function clusterIn(directory: string): string {
  return recordsIn(directory).findLast((record) => record.type === "roster")!.roster.cluster;
}

function anonymous(report: RecoverReport): RecoverReport {
  return { ...report, cluster: "X", unused: report.unused.map(() => "unused") };
}

/** `directories` with what they hold: their names end alike, so that reports can be compared. */
function copied(directories: readonly string[]): readonly string[] {
  return directories.map((directory) => {
    const copy = fresh();
    fs.cpSync(directory, copy, { recursive: true });
    return copy;
  });
}

test("what is shown is what is written, and showing it changes nothing", () => {
  const directories = [1, 2].map((no) => directoryOf(no));
  const before = directories.map(contentOf);
  const shown = recover(directories, { write: false });
  expect(directories.map(contentOf)).toEqual(before);
  const written = recover(directories, { write: true });
  expect(anonymous(written)).toEqual(anonymous(shown));
  expect(written).toMatchObject({
    members: ["n1", "n2"],
    missing: ["n3", "n4", "n5"],
    from: "c",
    lost: [2, 7],
    isNeeded: true,
    isUnfinished: false,
  });
  for (const directory of directories) expect(clusterIn(directory)).toBe(written.cluster);
});

test("one directory of five is recovered although most partitions have no copy", () => {
  const directory = directoryOf(1);
  const report = recover([directory], { write: true });
  const kept = [...clusterOf().chains.entries()].filter(([, [first]]) => first!.keepers.includes(1)).map((
    [p],
  ) => p);
  expect(report.doubtful).toEqual(kept);
  expect(report.lost).toEqual([0, 1, 2, 3, 4, 5, 6, 7].filter((p) => !kept.includes(p)));
  expect([...report.stale].sort()).toEqual(kept.flatMap((p) => [`t${p}`, `u${p}`]).sort());
  expect(recordsIn(directory).filter(({ type }) => type === "snapshot").length).toBe(8);
});

test(
  "cut off after any step, the directories are as they were or recovered, and the next run ends it",
  () => {
    // the last one had been put out: it is looked at, and stays as it is
    const { members, ...rest } = clusterOf();
    const chains = rest.chains.map(([first]) => keptBy(...first!.keepers.filter((no) => no !== 5)));
    const later = { ...rest, epoch: 2, members: members.slice(0, 4), chains };
    const originals = [...[1, 2, 3].map((no) => directoryOf(no, later)), directoryOf(5)];
    const whole = copied(originals);
    const full = recover(whole, { write: true });
    const before = originals.map(contentOf);
    const after = whole.map(contentOf);
    const stepCount = stepCountOf(copied(originals));
    expect(stepCount).toBeGreaterThan(originals.length);
    for (let at = 0; at <= stepCount; at++) {
      const directories = copied(originals);
      const cut = Recovering.open(directories);
      for (const step of cut.steps.slice(0, at)) step();
      cut.close();
      const isBegun = directories.some((directory, i) => contentOf(directory) !== before[i]);
      for (const [i, directory] of directories.entries()) {
        expect([before[i]!, after[i]!]).toContain(contentOf(directory));
      }
      const isDone = isBegun && directories.every((directory) => !hasPlan(directory));
      if (isDone) continue;
      const shown = recover(directories, { write: false });
      const report = recover(directories, { write: true });
      expect(shown.isUnfinished).toBe(isBegun);
      expect(anonymous(report)).toEqual({ ...anonymous(full), isUnfinished: isBegun });
      if (isBegun) expect(report.cluster).toBe(cut.report.cluster);
      expect(directories.map(contentOf)).toEqual(after);
      expect(directories.map(clusterIn)).toEqual([...Array(3).fill(report.cluster), "c"]);
      expect(directories.some(hasPlan)).toBe(false);
    }
  },
);

function hasPlan(directory: string): boolean {
  return fs.readdirSync(directory).some((file) => file.includes("recovery"));
}

function stepCountOf(directories: readonly string[]): number {
  const recovering = Recovering.open(directories);
  recovering.close();
  return recovering.steps.length;
}

/** The plan and the first directory are written. */
function cutOff(directories: readonly string[]): string {
  const cut = Recovering.open(directories);
  for (const step of cut.steps.slice(0, 2)) step();
  cut.close();
  return cut.report.cluster;
}

test("what was cut off is ended with all directories only, and not over newer work", () => {
  const directories = [1, 2, 3].map((no) => directoryOf(no));
  cutOff(directories);
  expect(() => recover(directories.slice(0, 2), { write: true })).toThrow(
    "a run of it on n1, n2, n3 was cut off",
  );
  const used = RecordFile.open(directories[2]!);
  used.commit([rowOf({ type: "promise", p: 0, ballot: { cfg: 1, counter: 9, node: 3, boot: 2 } }, false)]);
  used.close();
  const before = directories.map(contentOf);
  expect(() => recover(directories, { write: true })).toThrow(`${directories[2]} has been in use since`);
  expect(directories.map(contentOf)).toEqual(before);
});

test("a plan that was never begun is not held against anybody", () => {
  const directories = [1, 2].map((no) => directoryOf(no));
  const cut = Recovering.open(directories);
  cut.steps[0]!();
  cut.close();
  const report = recover([directories[1]!, directories[0]!], { write: true });
  expect(report.isUnfinished).toBe(false);
  expect(directories.map(clusterIn)).toEqual([report.cluster, report.cluster]);
});

test("directories that were recovered apart are refused, and it is said that they never merge", () => {
  const directories = [1, 2].map((no) => directoryOf(no));
  const names = directories.map((directory) => recover([directory], { write: true }).cluster);
  expect(names[0]).not.toBe(names[1]);
  expect(() => recover(directories, { write: true })).toThrow("All come from c, by runs of recover");
  expect(directories.map(clusterIn)).toEqual(names);
});

test("a directory that cannot be used is named, with what to do, and nothing is changed", () => {
  const good = directoryOf(1);
  const before = contentOf(good);
  const damagedOne = directoryOf(2);
  const bytes = fs.readFileSync(join(damagedOne, "stolos.db"));
  bytes.fill(0xff, 5000, 9000);
  fs.writeFileSync(join(damagedOne, "stolos.db"), bytes);
  const newer = directoryOf(2);
  const db = new DatabaseSync(join(newer, "stolos.db"));
  db.exec("PRAGMA user_version = 99");
  db.close();
  const strange = directoryOf(2, clusterOf("d"));
  const others = clusterOf().members.map((member) => member.no === 2 ? { ...member, id: "other" } : member);
  const out = directoryOf(2, { ...clusterOf(), members: others });
  const unborn = fresh();
  RecordFile.open(unborn).close();
  const busy = directoryOf(2);
  const owner = RecordFile.open(busy);
  const empty = fresh();
  fs.mkdirSync(empty);
  const [copy] = copied([good]);
  const cases: readonly (readonly [string, RegExp])[] = [
    [damagedOne, /stolos\.db[^]*leave it out/],
    [newer, /newer version.*Or leave it out/],
    [strange, /must be of one cluster, got .* of c, .* of d/],
    [out, /is in no cluster.*leave it out/],
    [unborn, /no node has ever used .*leave it out/],
    [busy, /open already, by this process.*Stop its node/],
    [empty, /got no stolos\.db in .*leave out what is lost/],
    [copy!, /are of one node: give the one that it used last/],
    [good, /is given twice/],
  ];
  for (const [directory, message] of cases) {
    let text = "";
    try {
      recover([good, directory], { write: true });
    } catch (error) {
      text = (error as Error).message;
    }
    expect(text).toMatch(message);
    expect(text).toStartWith("Cannot ");
    expect(text).toEndWith("Nothing was changed");
  }
  owner.close();
  expect(fs.readdirSync(empty)).toEqual([]);
  expect(contentOf(good)).toBe(before);
});

test("a plan with a flipped bit is not followed", () => {
  const directories = [1, 2].map((no) => directoryOf(no));
  cutOff(directories);
  const path = join(directories[0]!, "stolos.recovery");
  const bytes = fs.readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  fs.writeFileSync(path, bytes);
  const before = directories.map(contentOf);
  expect(() => recover(directories, { write: true })).toThrow("does not match its checksum");
  expect(directories.map(contentOf)).toEqual(before);
});
