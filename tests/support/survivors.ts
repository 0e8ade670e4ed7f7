/** Disks of the members of a small cluster, for tests of what becomes of those that are left. */
import type { PersistRecord } from "../../src/protocol/model/contract.ts";
import type { Configuration, Entry, Member, Operation, Roster } from "../../src/protocol/model/types.ts";
import { makeEntry } from "../../src/protocol/wire/operations.ts";
import { taskSpec } from "./tasks.ts";

export function memberOf(no: number): Member {
  return { no, id: `id-${no}`, name: `n${no}`, labels: {}, witness: false, leaving: false };
}

/** Of members 1 to `count`; `chains` says which of them keep which partition. */
export function rosterOf(
  count: number,
  chains: readonly (readonly Configuration[])[],
  epoch = 1,
): Roster {
  const members = Array.from({ length: count }, (_, at) => memberOf(at + 1));
  const deciders = members.slice(0, 3).map(({ no }) => no);
  return { cluster: "c", epoch, replication: 3, members, nextNo: count + 1, deciders, chains };
}

/** One configuration, of the founding. */
export function keptBy(...keepers: readonly number[]): readonly Configuration[] {
  return [{ epoch: 1, keepers }];
}

/** Of the term `counter`: the task becomes known. */
export function submitOf(id: string, counter = 1, cfg = 1): Entry {
  return entryOf(
    { type: "submit", spec: taskSpec(id, { payload: new Uint8Array([1]) }), atMs: 1 },
    counter,
    cfg,
  );
}

export function entryOf(op: Operation, counter = 1, cfg = 1): Entry {
  return makeEntry({ cfg, counter, node: 1, boot: 1 }, op);
}

/** What a disk holds: the roster, and for each partition the entries of its log. */
export function diskOf(roster: Roster, logs: Readonly<Record<number, readonly Entry[]>>): PersistRecord[] {
  const appends = Object.entries(logs).map(([p, entries]): PersistRecord => {
    return {
      type: "append",
      p: Number(p),
      cfg: roster.chains[Number(p)]!.at(-1)!.epoch,
      prevIndex: 0,
      entries,
    };
  });
  return [{ type: "roster", roster }, ...appends];
}
