/** Disks that are full or read-only, and directories that somebody else has open. */
import { expect, test } from "bun:test";
import { execFileSync, spawn } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RecordFile } from "../../../src/store/record-file.ts";
import { rowOf } from "../../../src/store/record-row.ts";
import { sqliteStore } from "../../../src/store/sqlite-store.ts";
import type { StoreError } from "../../../src/store/store-error.ts";
import { append } from "../../conformance/store.ts";
import { ballotOf, meaningOf, record } from "../../support/records.ts";

/** A small file system of its own in memory; only root may mount one. */
class SmallDisk implements Disposable {
  readonly path: string = fs.mkdtempSync(join(tmpdir(), "stolos-disk-"));

  constructor(size: string) {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", this.path]);
  }

  remount(option: string): void {
    execFileSync("mount", ["-o", `remount,${option}`, this.path]);
  }

  [Symbol.dispose](): void {
    execFileSync("umount", ["-l", this.path]);
    fs.rmdirSync(this.path);
  }
}

const canMount = process.platform === "linux" && process.getuid?.() === 0;
const rooted = (claim: string): string => canMount ? claim : `${claim} (skipped: only root can mount a disk)`;

test.skipIf(!canMount)(
  rooted("a full disk acks nothing, is reported once, and goes on when it has room"),
  async () => {
    using disk = new SmallDisk("1m");
    const store = sqliteStore(join(disk.path, "state"));
    await store.open();
    const troubles: (string | null)[] = [];
    const trouble = Promise.withResolvers<StoreError>();
    const recovered = Promise.withResolvers<void>();
    store.load((error) => {
      troubles.push(error && error.code);
      if (error) trouble.resolve(error);
      else recovered.resolve();
    });
    let [sent, acked] = [0, 0];
    let isFull = false;
    void trouble.promise.then(() => isFull = true);
    while (!isFull && sent < 500) {
      const written = append(store, [record.append(sent, 1), record.image("snapshot", 0, { p: sent + 2 })]);
      sent += 1;
      void written.then(() => acked += 1);
      await Promise.race([written, trouble.promise]);
    }
    expect((await trouble.promise).message).toContain("full");
    const atTrouble = acked;
    const later = append(store, [record.append(sent, 1)]);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect({ acked, troubles }).toEqual({ acked: atTrouble, troubles: ["STORE_UNWRITABLE"] });
    disk.remount("size=8m");
    await later;
    await recovered.promise;
    expect(troubles).toEqual(["STORE_UNWRITABLE", null]);
    await store.close();
    const again = sqliteStore(join(disk.path, "state"));
    await again.open();
    expect(meaningOf(again.load())).toContain(`${sent + 1}:1`);
    await again.close();
  },
);

test.skipIf(!canMount)(
  rooted("a disk that refuses is tried again when it is due, whatever arrives"),
  async () => {
    using disk = new SmallDisk("1m");
    const store = sqliteStore(join(disk.path, "state"));
    await store.open();
    const trouble = Promise.withResolvers<void>();
    store.load((error) => error && trouble.resolve());
    let isFull = false;
    void trouble.promise.then(() => isFull = true);
    let lastSentMs = 0;
    for (let sent = 0; !isFull; sent++) {
      lastSentMs = performance.now();
      const written = append(store, [record.image("snapshot", 0, { p: sent + 2 })]);
      await Promise.race([written, trouble.promise]);
    }
    disk.remount("size=8m");
    await append(store, [record.append(1, 1)]);
    // the append that failed was sent after that
    expect(performance.now() - lastSentMs).toBeGreaterThanOrEqual(1000);
    await store.close();
  },
);

test.skipIf(!canMount)(rooted("a disk that is full at the start is named"), async () => {
  using disk = new SmallDisk("16k");
  fs.writeFileSync(join(disk.path, "filler"), new Uint8Array(12_000));
  const opening = sqliteStore(join(disk.path, "state")).open();
  expect(await opening.catch((error: StoreError) => error.code)).toBe("STORE_UNWRITABLE");
});

test.skipIf(!canMount)(rooted("a new node whose key cannot be kept gets an error"), async () => {
  using disk = new SmallDisk("1m");
  const store = sqliteStore(join(disk.path, "state"));
  await store.open();
  const { bavail, bsize } = fs.statfsSync(disk.path);
  fs.writeFileSync(join(disk.path, "filler"), new Uint8Array(bavail * bsize));
  const key = store.privateKey(() => Promise.resolve(new Uint8Array(300_000)));
  expect(await key.catch((error: StoreError) => error.code)).toBe("STORE_UNWRITABLE");
  await store.close();
});

test.skipIf(!canMount)(rooted("a read-only disk is named, and works when it is writable again"), async () => {
  using disk = new SmallDisk("1m");
  const directory = join(disk.path, "state");
  RecordFile.open(directory).close();
  fs.mkdirSync(join(disk.path, "empty"));
  disk.remount("ro");
  const error: StoreError = await sqliteStore(directory).open().then(() => null, (error) => error);
  expect({ code: error.code, name: error.name }).toEqual({ code: "STORE_UNWRITABLE", name: "StoreError" });
  for (const place of ["other", "empty"]) {
    const code = await sqliteStore(join(disk.path, place)).open().catch((error: StoreError) => error.code);
    expect([place, code]).toEqual([place, "STORE_UNWRITABLE"]);
  }
  disk.remount("rw");
  const file = RecordFile.open(directory);
  expect(file.boot).toBe(2);
  file.close();
});

async function withDirectory(run: (directory: string) => void | Promise<void>): Promise<void> {
  const parent = fs.mkdtempSync(join(tmpdir(), "stolos-disk-"));
  try {
    await run(join(parent, "state"));
  } finally {
    fs.rmSync(parent, { recursive: true, force: true });
  }
}

test("a directory is opened once only, by store and by process", () =>
  withDirectory(async (directory) => {
    const first = sqliteStore(directory);
    await first.open();
    for (const store of [first, sqliteStore(directory)]) {
      const error: StoreError = await store.open().then(() => null, (error) => error);
      expect(error.code).toBe("STORE_BUSY");
      expect(error.message).toContain("open already, by this process");
    }
    await append(first, [record.promise(1)]);
    const script = join(import.meta.dirname, "../../support/store-child.ts");
    const run = () =>
      execFileSync(process.execPath, [script, directory], { stdio: "pipe", timeout: 120_000 });
    expect(run).toThrow(`open already, by process ${process.pid}`);
    await first.close();
    // the same store again
    await first.open();
    expect({ boot: first.boot, count: first.load().length }).toEqual({ boot: 2, count: 1 });
    await first.close();
  }));

test(
  "of processes that start at once on a new directory one gets it",
  () =>
    withDirectory(async (directory) => {
      const script = join(import.meta.dirname, "../../support/store-child.ts");
      const children = Array.from({ length: 4 }, () => spawn(process.execPath, [script, directory]));
      const outcomes = await Promise.all(children.map((child) =>
        new Promise<string>((resolve) => {
          let error = "";
          child.stdout.once("data", () => resolve("opened"));
          child.stderr.on("data", (data) => error += String(data));
          child.once("close", () => resolve(/is open already, by/.test(error) ? "refused" : error));
        })
      ));
      for (const child of children) child.kill("SIGKILL");
      expect(outcomes.sort()).toEqual(["opened", "refused", "refused", "refused"]);
    }),
);

test("files of a store are for their owner only", () =>
  withDirectory((directory) => {
    const file = RecordFile.open(directory);
    file.commit([rowOf(record.promise(1), false)]);
    const modeOf = (name: string): number => fs.statSync(join(directory, name)).mode & 0o077;
    const secret = ["stolos.db", "stolos.db-wal", "stolos.mark"];
    expect([fs.statSync(directory).mode & 0o077, ...secret.map(modeOf)]).toEqual([0, 0, 0, 0]);
    file.close();
  }));

test("what nobody needs is deleted: the directory stays small", () =>
  withDirectory((directory) => {
    let file = RecordFile.open(directory);
    const state = new Uint8Array(400_000);
    for (let at = 1; at <= 100; at++) {
      const end = { ballot: ballotOf(1), index: at };
      const image = rowOf({ type: "compact", p: 1, cfg: 1, end, state }, false);
      file.commit([image, rowOf(record.append(at, 1), false)]);
    }
    const size = (): number => fs.statSync(join(directory, "stolos.db")).size;
    // 40 MB were written, 0.4 are needed
    expect(size()).toBeLessThan(16_000_000);
    file.close();
    file = RecordFile.open(directory);
    expect(file.takeRows().length).toBe(2);
    file.close();
  }));

test("a store that was large once gives back what it does not need", () =>
  withDirectory((directory) => {
    const file = RecordFile.open(directory);
    const commit = (p: number, index: number, bytes: number): void => {
      const end = { ballot: ballotOf(1), index };
      const state = new Uint8Array(bytes);
      file.commit([rowOf({ type: "compact", p, cfg: 1, end, state }, false)]);
    };
    for (let p = 1; p <= 14; p++) commit(p, 1, 1_000_000);
    for (let p = 1; p <= 14; p++) commit(p, 2, 10);
    for (let index = 3; index <= 100; index++) commit(1, index, 10);
    file.close();
    expect(fs.statSync(join(directory, "stolos.db")).size).toBeLessThan(10_000_000);
  }));
