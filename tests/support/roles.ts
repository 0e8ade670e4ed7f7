/**
 * What one role of the protocol needs around it, for tests of that role alone: a real context with a clock
 * that the test moves, and what the role wrote and sent. Nothing is delivered: the test plays the others.
 */
import { expect } from "bun:test";
import { Context } from "../../src/protocol/context/context.ts";
import { Liveness } from "../../src/protocol/context/liveness.ts";
import type { Effect, EngineEvent, EngineOptions, PersistRecord } from "../../src/protocol/model/contract.ts";
import type { Message, PromiseMessage } from "../../src/protocol/model/messages.ts";
import type {
  Ballot,
  Configuration,
  Entry,
  MemberNo,
  Operation,
  Silence,
  TaskOptions,
  TaskSpec,
} from "../../src/protocol/model/types.ts";
import type { Office } from "../../src/protocol/log/term.ts";
import { makeEntry } from "../../src/protocol/wire/operations.ts";
import { taskSpec } from "./tasks.ts";

/** Far from 0, so that "never" and "at the start" differ. */
const START_MS = 100_000;
export const WALL_MS = 1_700_000_000_000;

export const TTL_MS = 4000;
export const HEARTBEAT_MS = 1000;
export const ELECTION_MS = 2000;
export const RESEND_MS = 500;

const OPTIONS: EngineOptions = {
  self: "m0",
  name: "m0",
  labels: {},
  witness: false,
  boot: 1,
  expect: 1,
  foundAfterMs: 0,
  evictAfterMs: 30_000,
  nonce: "n",
  seed: 1,
  partitionCount: 1,
  replication: 3,
  leaseTtlMs: TTL_MS,
  heartbeatMs: HEARTBEAT_MS,
  heartbeatAlongMs: 0,
  marginMs: 1000,
  clockRateBound: 0.01,
  electionMs: ELECTION_MS,
  resendMs: RESEND_MS,
  tickMs: 100,
  calmTickMs: 100,
  retentionMs: 3_600_000,
  finishedPerPartitionMax: 2000,
  logEntriesMax: 2048,
  appendBytesMax: 262_144,
  snapshotChunkBytes: 262_144,
  compactBytes: Infinity,
};

export interface RoleSetting {
  /** Number of the node that is tested. */
  readonly self?: MemberNo;
  readonly memberCount?: number;
  /** Of partition 0; one of all members when it is left out. */
  readonly chain?: readonly Configuration[];
  readonly labels?: Readonly<Record<MemberNo, Readonly<Record<string, string>>>>;
  readonly options?: Partial<EngineOptions>;
}

type OfType<T extends Message["type"]> = Extract<Message, { readonly type: T }> & { readonly to: MemberNo };

/** What a role did since the last look, in the order in which a host does it. */
export class Turn {
  readonly effects: readonly Effect[];
  /** Also to the node itself: `to` is a member's number. */
  readonly #sent: readonly (Message & { readonly to: MemberNo })[];

  constructor(effects: readonly Effect[], sent: readonly (Message & { readonly to: MemberNo })[]) {
    this.effects = effects;
    this.#sent = sent;
  }

  of<T extends Message["type"]>(type: T): readonly OfType<T>[] {
    return this.#sent.filter((message): message is OfType<T> => message.type === type);
  }

  get isSilent(): boolean {
    return this.#sent.length === 0;
  }

  get records(): readonly PersistRecord[] {
    return this.effects.flatMap((effect) => effect.type === "persist" ? effect.records : []);
  }

  /** Entries that were written, each with its index. */
  get appended(): readonly { readonly index: number; readonly ballot: Ballot; readonly op: Operation }[] {
    return this.records.flatMap((record) => {
      if (record.type !== "append") return [];
      return record.entries.map(({ ballot, op }, at) => ({ index: record.prevIndex + 1 + at, ballot, op }));
    });
  }

  get events(): readonly EngineEvent[] {
    return this.effects.flatMap((effect) => effect.type === "event" ? [effect.event] : []);
  }
}

/**
 * These fields of it, and no word about the others. Not toMatchObject: to that an object that occurs twice in
 * what it looks at, as ballots do, is equal to anything the second time (Bun 1.4).
 */
export function expectFields<T extends object>(received: T | null | undefined, fields: Partial<T>): void {
  expectEach(received ? [received] : [], [fields]);
}

/** The same of each in a list, which has no more than these. */
export function expectEach<T extends object>(received: readonly T[], fields: readonly Partial<T>[]): void {
  const seen = received.map((each, at) => {
    const names = Object.keys(fields[at] ?? each) as (keyof T)[];
    return Object.fromEntries(names.map((name) => [name, each[name]]));
  });
  expect<readonly object[]>(seen).toEqual(fields);
}

/** Members m0, m1, …, all connected with the one that is tested. */
export class RoleStage {
  readonly context: Context;
  readonly liveness: Liveness;

  constructor({ self = 0, memberCount = 3, chain, labels = {}, options = {} }: RoleSetting = {}) {
    const context = new Context({ ...OPTIONS, self: `m${self}`, name: `m${self}`, ...options }, undefined);
    const numbers = Array.from({ length: memberCount }, (_, no) => no);
    const members = numbers.map((no) => ({
      no,
      id: `m${no}`,
      name: `m${no}`,
      labels: labels[no] ?? {},
      witness: false,
      leaving: false,
    }));
    this.context = context;
    this.#setClock(START_MS);
    context.adoptRoster({
      cluster: "c",
      epoch: chain?.at(-1)?.epoch ?? 1,
      replication: 3,
      members,
      nextNo: memberCount,
      deciders: [0],
      chains: [chain ?? [{ epoch: 1, keepers: numbers }]],
    });
    for (const no of numbers) if (no !== self) this.connect(no);
    this.liveness = new Liveness(context);
    this.liveness.begin();
  }

  get nowMs(): number {
    return this.context.clock.monoMs;
  }

  #setClock(monoMs: number): void {
    this.context.clock = { monoMs, leaseMs: monoMs, wallMs: WALL_MS + monoMs };
  }

  pass(ms: number): void {
    this.#setClock(this.nowMs + ms);
  }

  connect(no: MemberNo): void {
    this.context.connected.add(`m${no}`);
  }

  disconnect(no: MemberNo): void {
    this.context.connected.delete(`m${no}`);
  }

  /** The end of a step, as the engine does it: terms with something to do flush once. */
  flush(): void {
    const terms = [...this.context.dirty];
    this.context.dirty.clear();
    for (const term of terms) term.flush();
  }

  take(): Turn {
    const own = this.context.loopback.splice(0).map((message) => ({ ...message, to: this.context.self }));
    const effects = this.context.takeEffects();
    const others = effects.flatMap((effect) => {
      if (effect.type !== "send") return [];
      const to = this.context.noOf(effect.to);
      return effect.messages.map((message) => ({ ...message, to }));
    });
    return new Turn(effects, [...own, ...others]);
  }
}

/** What the steward does for others, noted. */
export class FakeOffice implements Office {
  readonly calls: string[] = [];
  readonly silences: { keeper: MemberNo; silences: readonly Silence[]; matchIndex: number }[] = [];

  begin(): void {
    this.calls.push("begin");
  }
  end(): void {
    this.calls.push("end");
  }
  tick(): void {
    this.calls.push("tick");
  }
  flush(): void {
    this.calls.push("flush");
  }
  onSilences(keeper: MemberNo, silences: readonly Silence[], matchIndex: number): void {
    this.silences.push({ keeper, silences, matchIndex });
  }
}

export function ballotBy(node: MemberNo, counter: number, cfg = 1): Ballot {
  return { cfg, counter, node, boot: 1 };
}

/** A keeper promises what it was asked for. */
export function promiseOf(ballot: Ballot, more: Partial<PromiseMessage> = {}): PromiseMessage {
  const answer = { type: "promise", p: 0, ballot, pre: false, answer: "granted", promised: null } as const;
  return { ...answer, wallMs: WALL_MS, ...more };
}

export function noops(ballot: Ballot, count: number): readonly Entry[] {
  return Array.from({ length: count }, () => makeEntry(ballot, { type: "noop" }));
}

export function specOf(id: string, options: TaskOptions | null = null, name = "h"): TaskSpec {
  return taskSpec(id, { name, options });
}

/** What makes a task pending, and what leases it. */
export function submitOf(id: string): Operation {
  return { type: "submit", spec: specOf(id), atMs: WALL_MS };
}

export function leaseOf(id: string, node: MemberNo, n = 1, boot = 1): Operation {
  return { type: "lease", id, session: { node, boot, n }, atMs: WALL_MS };
}
