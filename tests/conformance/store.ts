/** What every Store does, as a suite of tests. A store that keeps nothing is held to that. */
import { expect, test } from "bun:test";
import type { PersistRecord } from "../../src/protocol/model/contract.ts";
import type { Store } from "../../src/store/store.ts";
import { meaningOf, record } from "../support/records.ts";

/** One identity, started again and again. */
export interface StoreFixture extends AsyncDisposable {
  /** A store on what the last one left, not open yet. */
  next(): Store;
  /**
   * Starts a process that appends numbered entries, kills it between a write and its ack, and returns the
   * number of the last ack. Null for stores that keep nothing.
   */
  readonly crash: (() => Promise<number>) | null;
}

export function append(store: Store, records: readonly PersistRecord[]): Promise<void> {
  return new Promise((resolve) => store.append(records, resolve));
}

const KEY = (): Promise<Uint8Array> => Promise.resolve(crypto.getRandomValues(new Uint8Array(16)));

export function storeConformance(name: string, make: () => StoreFixture): void {
  basics(name, make);
  restarts(name, make);
}

function basics(name: string, make: () => StoreFixture): void {
  test(`${name}: a new store is empty, at its first boot`, async () => {
    await using fixture = make();
    const store = fixture.next();
    await store.open();
    expect({ boot: store.boot, records: store.load() }).toEqual({ boot: 1, records: [] });
    await store.close();
  });

  test(`${name}: calls back once for each append, in their order`, async () => {
    await using fixture = make();
    const store = fixture.next();
    await store.open();
    const acked: number[] = [];
    const all = [1, 2, 3, 4, 5, 6, 7, 8].map((number) =>
      new Promise<void>((resolve) =>
        store.append(number % 3 === 0 ? [] : [record.promise(number)], () => {
          acked.push(number);
          resolve();
        })
      )
    );
    await Promise.all(all);
    expect(acked).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await store.close();
  });

  test(`${name}: closes with writes under way, twice`, async () => {
    await using fixture = make();
    const store = fixture.next();
    await store.open();
    store.append([record.promise(1)], () => {});
    await store.close();
    await store.close();
  });
}

function restarts(name: string, make: () => StoreFixture): void {
  test(`${name}: keeps key and boots if it is durable, and nothing if it is not`, async () => {
    await using fixture = make();
    const seen: { boot: number; key: string }[] = [];
    for (let start = 0; start < 3; start++) {
      const store = fixture.next();
      await store.open();
      seen.push({ boot: store.boot, key: (await store.privateKey(KEY)).join() });
      await store.close();
    }
    const { isDurable } = fixture.next();
    expect(new Set(seen.map(({ key }) => key)).size).toBe(isDurable ? 1 : 3);
    expect(seen.map(({ boot }) => boot)).toEqual(isDurable ? [1, 2, 3] : [1, 1, 1]);
  });

  for (const [claim, records] of SERIES) {
    test(`${name}: ${claim}`, async () => {
      await using fixture = make();
      let store = fixture.next();
      await store.open();
      for (const each of records) await append(store, [each]);
      await store.close();
      for (let start = 0; start < 2; start++) {
        store = fixture.next();
        await store.open();
        expect(meaningOf(store.load())).toBe(meaningOf(store.isDurable ? records : []));
        await store.close();
      }
    });
  }

  test(`${name}: what was acked is there after a crash between write and ack`, async () => {
    await using fixture = make();
    if (!fixture.crash) return expect(fixture.next().isDurable).toBe(false);
    for (let round = 0; round < 5; round++) {
      const acked = await fixture.crash();
      const store = fixture.next();
      await store.open();
      const log = meaningOf(store.load());
      const promised = Number(/promise,(\d+)/.exec(log)?.[1] ?? 0);
      const last = Number(/(\d+):1 promise/.exec(log)?.[1] ?? 0);
      expect(promised).toBeGreaterThanOrEqual(acked);
      // a write that was not acked is there whole or not at all
      expect(last).toBe(promised);
      await store.close();
    }
  });
}

const OTHER = { p: 2, cfg: 3 };
const SERIES: readonly (readonly [string, readonly PersistRecord[]])[] = [
  ["keeps all kinds of records", [
    ...[record.founding("f"), record.roster("c", 1), record.vote(2), record.promise(4)],
    ...[record.flag("install"), record.append(0, 3), record.flag("seal"), record.promise(5, OTHER)],
  ]],
  ["keeps the newest of what replaces", [
    ...[record.founding("f"), record.founding("g"), record.roster("c", 1), record.roster("c", 2)],
    ...[record.vote(1), record.vote(2), record.promise(1), record.promise(2), record.promise(9, OTHER)],
  ]],
  ["a roster of another cluster ends all but the identity", [
    ...[record.founding("f"), record.roster("c", 7), record.vote(2), record.append(0, 3), record.promise(4)],
    ...[record.roster("d", 1), record.append(0, 1, 2)],
  ]],
  ["a snapshot replaces the whole log", [
    ...[record.append(0, 9), record.append(0, 4, 1, OTHER), record.image("snapshot", 5)],
    record.append(5, 2, 3),
  ]],
  ["a compaction keeps the entries behind it", [
    ...[record.append(0, 4), record.append(4, 4), record.append(8, 1), record.image("compact", 6)],
    ...[record.append(9, 1), record.image("compact", 9)],
  ]],
  ["entries that were overwritten do not come back", [
    ...[record.append(0, 10), record.append(5, 2, 2), record.image("compact", 7), record.append(7, 1, 2)],
  ]],
  ["what is retired is gone, the rest is not", [
    ...[record.append(0, 4), record.promise(3), record.flag("seal"), record.append(0, 2, 1, OTHER)],
    ...[record.flag("retire"), record.promise(1, { p: 1, cfg: 2 })],
  ]],
];
