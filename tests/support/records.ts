/** Durable records for tests of the store, and a replay of them that knows nothing of how a store forgets. */
import type { PersistRecord } from "../../src/protocol/model/contract.ts";
import { makeEntry } from "../../src/protocol/wire/operations.ts";
import type { Ballot, Entry, Operation, Roster } from "../../src/protocol/model/types.ts";
import { taskSpec } from "./tasks.ts";

const NOOP: Operation = { type: "noop" };

export function ballotOf(counter: number, cfg = 1): Ballot {
  return { cfg, counter, node: 0, boot: 1 };
}

export function entryOf(counter: number, cfg = 1): Entry {
  return makeEntry(ballotOf(counter, cfg), NOOP);
}

/** An entry that is as long as a task's. */
export function taskEntry(id: string, payloadBytes: number): Entry {
  const payload = new Uint8Array(payloadBytes).fill(7);
  const spec = taskSpec(id, { name: "poll", payload });
  const op: Operation = { type: "submit", spec, atMs: 1_700_000_000_000 };
  return makeEntry(ballotOf(1), op);
}

export interface Place {
  readonly p?: number;
  readonly cfg?: number;
}

export const record = {
  founding: (founding: string): PersistRecord => ({ type: "founding", founding, members: [] }),
  roster: (cluster: string, epoch: number): PersistRecord => ({
    type: "roster",
    roster: roster(cluster, epoch),
  }),
  vote: (epoch: number): PersistRecord => ({
    type: "vote",
    epoch,
    promised: ballotOf(epoch),
    accepted: null,
  }),
  promise: (counter: number, { p = 1, cfg = 1 }: Place = {}): PersistRecord => ({
    type: "promise",
    p,
    ballot: ballotOf(counter, cfg),
  }),
  /** `count` entries of ballot `counter` after `prevIndex`. */
  append: (prevIndex: number, count: number, counter = 1, { p = 1, cfg = 1 }: Place = {}): PersistRecord => ({
    type: "append",
    p,
    cfg,
    prevIndex,
    entries: Array.from({ length: count }, () => entryOf(counter, cfg)),
  }),
  image: (type: "snapshot" | "compact", index: number, { p = 1, cfg = 1 }: Place = {}): PersistRecord => ({
    type,
    p,
    cfg,
    end: { ballot: ballotOf(1, cfg), index },
    state: new TextEncoder().encode(`state ${index}`),
  }),
  /** A seal also says which configurations sealed it; the others have nothing like that. */
  flag: (type: "install" | "seal" | "retire", { p = 1, cfg = 1 }: Place = {}): PersistRecord =>
    ({ type, p, cfg, by: [cfg + 1] }) as PersistRecord,
};

function roster(cluster: string, epoch: number): Roster {
  const member = { no: 0, id: "a", name: "a", labels: {}, witness: false, leaving: false };
  const chains = [[{ epoch, keepers: [0] }]];
  return { cluster, epoch, replication: 1, members: [member], nextNo: 1, deciders: [0], chains };
}

/** What a series of records comes to, as text; the same for a series and for what a store made of it. */
export function meaningOf(records: readonly PersistRecord[]): string {
  let head = new Map<string, string>();
  let logs = new Map<string, { image: number; entries: Map<number, number>; facts: Map<string, string> }>();
  let cluster: string | null = null;
  for (const each of records) {
    if (each.type === "founding") head.set("founding", each.founding);
    else if (each.type === "vote") head.set("vote", String(each.epoch));
    else if (each.type === "roster") {
      if (cluster !== null && cluster !== each.roster.cluster) [head, logs] = [new Map(), new Map()];
      cluster = each.roster.cluster;
      head.set("roster", `${cluster} ${each.roster.epoch}`);
    } else {
      const key = `${each.p}/${each.type === "promise" ? each.ballot.cfg : each.cfg}`;
      if (each.type === "retire") {
        logs.delete(key);
        continue;
      }
      const log = logs.get(key) ?? { image: 0, entries: new Map(), facts: new Map() };
      logs.set(key, log);
      if (each.type === "promise") log.facts.set("promise", String(each.ballot.counter));
      else if (each.type === "install" || each.type === "seal") log.facts.set(each.type, "yes");
      else if (each.type === "append") {
        for (const index of [...log.entries.keys()]) if (index > each.prevIndex) log.entries.delete(index);
        each.entries.forEach(({ ballot }, at) => log.entries.set(each.prevIndex + 1 + at, ballot.counter));
      } else {
        log.image = each.end.index;
        if (each.type === "snapshot") log.entries.clear();
      }
      // the image stands for all up to its end
      for (const index of [...log.entries.keys()]) if (index <= log.image) log.entries.delete(index);
    }
  }
  const places = [...logs].map(([key, { image, entries, facts }]) => {
    const log = [...entries].sort(([a], [b]) => a - b).map(([index, counter]) => `${index}:${counter}`);
    return `${key} image ${image} log ${log.join(" ")} ${[...facts].sort().join(" ")}`;
  });
  return [[...head].sort().join(" "), ...places.sort()].join("\n");
}
