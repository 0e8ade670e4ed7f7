/** Anything that the codecs must carry, for property tests: edges of numbers, all of Unicode, empty lists. */
import * as fc from "fast-check";
import { makeEntry } from "../../../src/protocol/codec.ts";
import { TASK_STATES } from "../../../src/protocol/codec-parts.ts";
import { LIMITS } from "../../../src/protocol/limits.ts";
import type { Message, Outcome, TaskView } from "../../../src/protocol/messages.ts";
import type { NodeCommand } from "../../../src/protocol/messages-nodes.ts";
import type {
  AcceptedRoster,
  Ballot,
  Candidate,
  Entry,
  LogEnd,
  Operation,
  Roster,
  SessionId,
  Settlement,
  TaskError,
  TaskRecord,
  TaskSpec,
} from "../../../src/protocol/types.ts";

const upTo = (max: number): fc.Arbitrary<number> =>
  fc.oneof(fc.nat({ max: Math.min(max, 300) }), fc.nat({ max }), fc.constant(max));
export const uint: fc.Arbitrary<number> = upTo(Number.MAX_SAFE_INTEGER);
export const p: fc.Arbitrary<number> = upTo(LIMITS.partitionsMax - 1);
const no = upTo(LIMITS.memberNoMax);
const boot = upTo(LIMITS.bootMax);
export const ms: fc.Arbitrary<number> = fc.oneof(
  fc.constant(0),
  fc.nat(),
  fc.constant(1_764_000_000_123),
  fc.double({ min: 1e-300, noNaN: true, max: Number.MAX_VALUE }),
);
export const text = (max: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ maxLength: 40, unit: "grapheme-ascii" }),
    fc.string({ maxLength: Math.min(64, max >> 2), unit: "binary" }),
    fc.constant("x".repeat(max)),
    fc.constant("é".repeat(max >> 1)),
    fc.constant("\uFEFF<bom"),
  ).filter((s) => s.isWellFormed());
const id = text(LIMITS.idBytesMax);
const name = text(LIMITS.nameBytesMax);
const message = text(LIMITS.errorMessageBytesMax);
export const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 3000 }),
);
const bytesOrNull = fc.option(bytes);
export const list = <T>(item: fc.Arbitrary<T>, maxLength = 5): fc.Arbitrary<T[]> =>
  fc.array(item, { maxLength });

export const ballot: fc.Arbitrary<Ballot> = fc.record({ cfg: uint, counter: uint, node: no, boot });
export const session: fc.Arbitrary<SessionId> = fc.record({ node: no, boot, n: uint });
export const end: fc.Arbitrary<LogEnd> = fc.oneof(
  fc.constant<LogEnd>({ ballot: null, index: 0 }),
  fc.record({ ballot, index: uint.map((index) => Math.max(1, index)) }),
);
const spec: fc.Arbitrary<TaskSpec> = fc.record({
  id,
  name,
  payload: bytes,
  attemptsMax: uint,
  runAtMs: ms,
  firstSentAtMs: ms,
});
const settlement: fc.Arbitrary<Settlement> = fc.oneof(
  fc.record({ type: fc.constant("complete" as const), result: bytesOrNull }),
  fc.record({ type: fc.constant("error" as const), message, wakeAtMs: ms }),
  fc.record({ type: fc.constant("fail" as const), message }),
  fc.constant<Settlement>({ type: "release" }),
  fc.record({ type: fc.constant("checkpoint" as const), state: bytes }),
);
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.constant<Operation>({ type: "noop" }),
  fc.record({ type: fc.constant("submit" as const), spec, atMs: ms }),
  fc.record({ type: fc.constant("lease" as const), id, session, atMs: ms }),
  fc.record({ type: fc.constant("settle" as const), id, fence: uint, settlement, atMs: ms }),
  fc.record({ type: fc.constant("condemn" as const), session }),
  fc.record({ type: fc.constant("revert" as const), session, atMs: ms }),
  fc.record({ type: fc.constant("purge" as const), count: uint }),
);
/** Several entries, mostly of few ballots. */
export const entries: fc.Arbitrary<Entry[]> = fc.tuple(
  fc.array(ballot, { minLength: 1, maxLength: 3 }),
  list(fc.tuple(fc.nat({ max: 2 }), operation), 8),
).map(([ballots, items]) => items.map(([at, op]) => makeEntry(ballots[at % ballots.length]!, op)));

const error: fc.Arbitrary<TaskError> = fc.record({
  atMs: ms,
  attempt: uint,
  fence: uint,
  node: no,
  kind: fc.constantFrom("error" as const, "lapsed" as const),
  message,
});
export const taskRecord: fc.Arbitrary<TaskRecord> = fc.record({
  spec,
  state: fc.constantFrom(...TASK_STATES),
  session: fc.option(session),
  fence: uint,
  attempt: uint,
  avoid: no.map((n) => n - 1),
  wakeAtMs: ms,
  submittedAtMs: ms,
  startedAtMs: ms,
  finishedAtMs: ms,
  errors: list(error, LIMITS.errorsPerTaskMax),
  result: bytesOrNull,
  checkpoint: bytesOrNull,
}).filter((record) => record.state !== "leased" || record.session !== null);

export const candidate: fc.Arbitrary<Candidate> = fc.record({
  id,
  name,
  labels: fc.dictionary(name, name, { maxKeys: 4 }).map((labels) =>
    Object.fromEntries(Object.entries(labels))
  ),
  witness: fc.boolean(),
});
export const roster: fc.Arbitrary<Roster> = fc.uniqueArray(
  fc.tuple(no, candidate, fc.boolean()).map(([no, rest, leaving]) => ({ no, ...rest, leaving })),
  { minLength: 1, maxLength: 4, comparator: (a, b) => a.no === b.no || a.id === b.id },
).chain((members) => {
  const keepers = fc.subarray(members.map((member) => member.no), { minLength: 1 });
  const chain = fc.array(fc.record({ epoch: uint, keepers }), { minLength: 1, maxLength: 3 });
  return fc.record({
    cluster: id,
    epoch: uint,
    replication: upTo(LIMITS.keepersMax),
    members: fc.constant(members),
    nextNo: no,
    deciders: keepers,
    chains: list(chain),
  });
});

const reigns = list(fc.record({ p, ballot, commit: uint, isActive: fc.boolean() }));
const numbered = list(fc.record({ p, n: uint }));
const outcome: fc.Arbitrary<Outcome> = fc.record({
  id,
  state: fc.constantFrom(...TASK_STATES, "unknown" as const),
  fence: uint,
  attempt: uint,
  result: bytesOrNull,
  error: message,
});
const view: fc.Arbitrary<TaskView> = fc.record({ record: taskRecord, why: text(LIMITS.whyBytesMax) });
const granted = fc.record({
  no: uint,
  id,
  fence: uint,
  attempt: uint,
  name,
  payload: bytes,
  attemptsMax: uint,
  errorAtMs: list(ms, LIMITS.errorsPerTaskMax),
  checkpoint: bytesOrNull,
});
const snapshot = fc.tuple(p, ballot, end, fc.nat({ max: 1e6 }), fc.nat({ max: 1e6 }), bytes).map(
  ([p, ballot, end, offset, more, data]) => ({
    type: "snapshot" as const,
    p,
    ballot,
    end,
    first: 3,
    offset,
    totalBytes: offset + data.length + more,
    data,
  }),
);
const counts = { prevIndex: uint, commit: uint, first: uint };
const append = of("append", { p, ballot, prevBallot: fc.option(ballot), ...counts, entries });
const query = fc.oneof(
  fc.record({ type: fc.constant("get" as const), id }),
  fc.record({
    type: fc.constant("list" as const),
    state: fc.constantFrom(...TASK_STATES, "" as const),
    offset: uint,
    limit: uint,
  }),
);

type Fields<T extends Message["type"]> = {
  readonly [K in keyof Omit<Extract<Message, { type: T }>, "type">]: fc.Arbitrary<
    Extract<Message, { type: T }>[K]
  >;
};
function of<T extends Message["type"]>(type: T, fields: Fields<T>): fc.Arbitrary<Message> {
  // the fields are those of that message, which fc.record cannot express
  return fc.record(fields as Record<string, fc.Arbitrary<unknown>>).map((rest) =>
    ({ type, ...rest }) as unknown as Message
  );
}

const nodeCommand: fc.Arbitrary<NodeCommand> = fc.oneof(
  fc.constantFrom("freeze" as const, "unfreeze", "balance", "drain").map((type) => ({ type })),
  id.map((id) => ({ type: "stopTask" as const, id })),
);
const ANSWERS = ["accepted", "promised", "heard"] as const;
export const accepted: fc.Arbitrary<AcceptedRoster | null> = fc.option(fc.record({ ballot, roster }));

export const messageByType: { readonly [T in Message["type"]]: fc.Arbitrary<Message> } = {
  prepare: of("prepare", { p, ballot, pre: fc.boolean(), end }),
  promise: of("promise", {
    p,
    ballot,
    pre: fc.boolean(),
    answer: fc.constantFrom("granted", "ahead", "loyal", "promised"),
    promised: fc.option(ballot),
  }),
  transfer: of("transfer", { p, ballot }),
  append,
  appendReply: of("appendReply", {
    p,
    ballot,
    ok: fc.boolean(),
    index: uint,
    silences: list(fc.record({ session, index: uint, elapsedMs: ms })),
  }),
  refuse: of("refuse", { p, ballot, promised: ballot }),
  snapshot,
  snapshotReply: of("snapshotReply", { p, ballot, index: uint, receivedBytes: uint }),
  beat: of("beat", { boot, sentMs: ms, epoch: uint, sessions: numbered, reigns }),
  beatReply: of("beatReply", {
    boot,
    sentMs: ms,
    epoch: uint,
    vouches: list(fc.record({ cfg: uint, bits: fc.uint8Array({ maxLength: LIMITS.partitionsMax / 8 }) })),
    condemned: numbered,
    reigns,
    refused: list(fc.record({ p, promised: ballot })),
  }),
  attach: of("attach", {
    node: no,
    p,
    ballot,
    boot,
    n: uint,
    attach: uint,
    held: list(fc.record({ id, fence: uint })),
  }),
  attachReply: of("attachReply", { p, ballot, boot, attach: uint, condemned: uint }),
  credit: of("credit", {
    boot,
    stewardBoot: boot,
    seq: uint,
    free: uint,
    upTo: uint,
    load: uint,
    standing: fc.constantFrom("up", "draining", "frozen"),
    handlers: list(name),
    recall: fc.boolean(),
  }),
  creditReply: of("creditReply", { seq: uint, issued: uint }),
  hungry: of("hungry", { boot, backlog: uint }),
  grant: of("grant", { p, ballot, boot, n: uint, attach: uint, floor: uint, tasks: list(granted) }),
  grantAck: of("grantAck", { p, ballot, fences: list(uint) }),
  settle: of("settle", { p, items: list(fc.record({ id, fence: uint, seq: uint, settlement })) }),
  settleReply: of("settleReply", {
    p,
    items: list(fc.record({ fence: uint, seq: uint, accepted: fc.boolean() })),
  }),
  submit: of("submit", { p, items: list(fc.record({ rid: uint, watch: fc.boolean(), spec })) }),
  submitReply: of("submitReply", {
    p,
    items: list(fc.record({
      rid: uint,
      status: fc.constantFrom("created" as const, "exists" as const, "conflict", "tooOld", "busy"),
    })),
  }),
  watch: of("watch", { p, ids: list(id) }),
  outcome: of("outcome", { p, items: list(outcome) }),
  query: of("query", { rid: uint, p, query }),
  queryReply: of("queryReply", { rid: uint, p, tasks: list(view, 3), more: fc.boolean() }),
  found: of("found", { founding: text(LIMITS.foundingBytesMax), members: list(candidate), acked: list(id) }),
  roster: of("roster", { roster, isSettled: fc.boolean() }),
  steward: of("steward", { p, ballot }),
  seal: of("seal", { p, cfg: uint, ballot }),
  sealed: of("sealed", { p, cfg: uint, ballot, isInstalled: fc.boolean(), by: list(uint), end }),
  inherit: of("inherit", { p, cfg: uint, ballot, offset: upTo(LIMITS.stateBytesMax) }),
  image: snapshot.map(({ first: _first, ...piece }) => ({ ...piece, type: "image", cfg: 1 })),
  join: of("join", { candidate }),
  joinRefused: of("joinRefused", { id, reason: text(LIMITS.whyBytesMax) }),
  leave: of("leave", { no }),
  rosterPrepare: of("rosterPrepare", { ballot }),
  rosterPromise: of("rosterPromise", { ballot, ok: fc.boolean(), promised: ballot, accepted }),
  rosterAccept: of("rosterAccept", { ballot, isFresh: fc.boolean(), roster }),
  nodeCommand: of("nodeCommand", { cid: uint, command: nodeCommand }),
  nodeCommandReply: of("nodeCommandReply", { cid: uint, status: fc.constantFrom("done", "missing") }),
  rosterAccepted: of("rosterAccepted", { ballot, answer: fc.constantFrom(...ANSWERS), promised: ballot }),
};

export const messages: fc.Arbitrary<Message[]> = fc.array(fc.oneof(...Object.values(messageByType)), {
  minLength: 1,
  maxLength: 6,
});
