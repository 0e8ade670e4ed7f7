/** Anything that the codecs must carry, for property tests: edges of numbers, all of Unicode, empty lists. */
import * as fc from "fast-check";
import { makeEntry } from "../../src/protocol/wire/operations.ts";
import { ENDED_BECAUSE, TASK_STATES } from "../../src/protocol/wire/tasks.ts";
import { LIMITS } from "../../src/protocol/model/limits.ts";
import type { Message, Outcome, RelayedMessage, TaskView } from "../../src/protocol/model/messages.ts";
import type { NodeCommand } from "../../src/protocol/model/messages.ts";
import type { AcceptedRoster, Candidate, Entry, Roster } from "../../src/protocol/model/types.ts";
import {
  ballot,
  boot,
  bytes,
  bytesOrNull,
  end,
  id,
  list,
  message,
  ms,
  name,
  no,
  p,
  session,
  text,
  uint,
  upTo,
} from "./basic-arbitraries.ts";
import {
  operation,
  queued,
  settlement,
  spec,
  taskMessage,
  taskOptions,
  taskRecord,
} from "./task-arbitraries.ts";

/** Several entries, mostly of few ballots. */
export const entries: fc.Arbitrary<Entry[]> = fc.tuple(
  fc.array(ballot, { minLength: 1, maxLength: 3 }),
  list(fc.tuple(fc.nat({ max: 2 }), operation), 8),
).map(([ballots, items]) => items.map(([at, op]) => makeEntry(ballots[at % ballots.length]!, op)));

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

const fate = fc.constantFrom(...(["silent", "dead", "unknown"] as const));
const terms = list(fc.record({ p, ballot, commit: uint, isActive: fc.boolean() }));
const numbered = list(fc.record({ p, n: uint }));
const outcome: fc.Arbitrary<Outcome> = fc.record({
  id,
  state: fc.constantFrom(...TASK_STATES, "unknown" as const),
  fence: uint,
  attempt: uint,
  result: bytesOrNull,
  error: message,
  failedBecause: fc.constantFrom(...ENDED_BECAUSE),
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
  errorAgesMs: list(ms, LIMITS.errorsPerTaskMax),
  options: taskOptions,
  checkpoint: bytesOrNull,
  expiresAtMs: ms,
  isOnProbation: fc.boolean(),
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
const counts = { prevIndex: uint, commit: uint, first: uint, logFloor: uint };
const append = of("append", { p, ballot, prevBallot: fc.option(ballot), ...counts, entries });
const forTerm = { ballot: fc.option(ballot), floor: uint };
const query = fc.oneof(
  fc.record({ type: fc.constant("get" as const), id }),
  fc.record({
    type: fc.constant("list" as const),
    state: fc.constantFrom(...TASK_STATES, "" as const),
    after: fc.oneof(id, fc.constant("")),
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

const COMMAND_STATUSES = ["applied", "queued", "unknown", "ended", "invalid", "busy"] as const;
const nodeCommand: fc.Arbitrary<NodeCommand> = fc.oneof(
  fc.constantFrom("freeze" as const, "unfreeze", "balance", "drain").map((type) => ({ type })),
  id.map((id) => ({ type: "stopTask" as const, id })),
);
const ANSWERS = ["accepted", "promised", "heard"] as const;
export const accepted: fc.Arbitrary<AcceptedRoster | null> = fc.option(fc.record({ ballot, roster }));

const submit = of("submit", {
  p,
  ...forTerm,
  items: list(fc.record({ rid: uint, watch: uint, ageMs: ms, spec })),
});
const steward = of("steward", { p, ballot });

export const messageByType: { readonly [T in Message["type"]]: fc.Arbitrary<Message> } = {
  prepare: of("prepare", { p, ballot, pre: fc.boolean(), end }),
  promise: of("promise", {
    p,
    ballot,
    pre: fc.boolean(),
    answer: fc.constantFrom("granted", "ahead", "loyal", "promised"),
    promised: fc.option(ballot),
    wallMs: ms,
  }),
  transfer: of("transfer", { p, ballot }),
  append,
  appendReply: of("appendReply", {
    p,
    ballot,
    ok: fc.boolean(),
    index: uint,
    silences: list(fc.record({ session, index: uint, elapsedMs: ms, fate })),
  }),
  refuse: of("refuse", { p, ballot, promised: ballot }),
  snapshot,
  snapshotReply: of("snapshotReply", { p, ballot, index: uint, receivedBytes: uint }),
  heartbeat: of("heartbeat", { boot, sentMs: ms, wallMs: ms, epoch: uint, sessions: numbered, terms }),
  heartbeatReply: of("heartbeatReply", {
    boot,
    sentMs: ms,
    epoch: uint,
    vouches: list(fc.record({ cfg: uint, bits: fc.uint8Array({ maxLength: LIMITS.partitionsMax / 8 }) })),
    condemned: numbered,
    terms,
    away: list(no),
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
    changes: uint,
    limits: list(fc.record({ name, free: uint })),
  }),
  creditReply: of("creditReply", { seq: uint, issued: uint }),
  demand: of("demand", {
    boot,
    backlog: uint,
    priority: fc.integer({ min: -LIMITS.priorityMax, max: LIMITS.priorityMax }),
  }),
  grant: of("grant", { p, ballot, boot, n: uint, attach: uint, grantFloor: uint, tasks: list(granted) }),
  grantAck: of("grantAck", { p, ballot, fences: list(uint) }),
  settle: of("settle", { p, items: list(fc.record({ id, fence: uint, seq: uint, upTo: uint, settlement })) }),
  settleReply: of("settleReply", {
    p,
    items: list(fc.record({ fence: uint, seq: uint, accepted: fc.boolean() })),
  }),
  submit,
  submitReply: of("submitReply", {
    p,
    ballot,
    items: list(fc.record({
      rid: uint,
      status: fc.constantFrom("created" as const, "exists" as const, "conflict", "tooOld", "busy"),
    })),
  }),
  watch: of("watch", { p, items: list(fc.record({ id, no: uint })) }),
  outcome: of("outcome", { p, items: list(fc.record({ no: uint, outcome })) }),
  query: of("query", { rid: uint, p, query }),
  queryReply: of("queryReply", { rid: uint, p, tasks: list(view, 3), more: fc.boolean() }),
  found: of("found", { founding: text(LIMITS.foundingBytesMax), members: list(candidate), acked: list(id) }),
  roster: of("roster", { roster, isSettled: fc.boolean() }),
  steward,
  relay: of("relay", {
    from: no,
    to: no,
    message: fc.oneof(submit, steward) as fc.Arbitrary<RelayedMessage>,
  }),
  command: of("command", { rid: uint, p, ...forTerm, id, cid: uint, message: taskMessage }),
  commandReply: of("commandReply", { rid: uint, p, ballot, status: fc.constantFrom(...COMMAND_STATUSES) }),
  deliver: of("deliver", { p, items: list(fc.record({ id, fence: uint, commands: queued })) }),
  seal: of("seal", { p, cfg: uint, ballot }),
  sealed: of("sealed", { p, cfg: uint, ballot, isInstalled: fc.boolean(), by: list(uint), end }),
  fetchCopy: of("fetchCopy", { p, cfg: uint, ballot, offset: upTo(LIMITS.stateBytesMax) }),
  copyChunk: snapshot.map(({ first: _first, ...chunk }) => ({ ...chunk, type: "copyChunk", cfg: 1 })),
  join: of("join", { candidate }),
  joinRefused: of("joinRefused", { id, reason: text(LIMITS.whyBytesMax) }),
  leave: of("leave", { no, isPatient: fc.boolean() }),
  rosterPrepare: of("rosterPrepare", { ballot }),
  rosterPromise: of("rosterPromise", { ballot, ok: fc.boolean(), promised: ballot, accepted }),
  rosterAccept: of("rosterAccept", { ballot, isFresh: fc.boolean(), roster }),
  nodeCommand: of("nodeCommand", { cid: uint, command: nodeCommand }),
  nodeCommandReply: of("nodeCommandReply", {
    cid: uint,
    status: fc.constantFrom("done", "missing", "refused"),
  }),
  rosterAccepted: of("rosterAccepted", { ballot, answer: fc.constantFrom(...ANSWERS), promised: ballot }),
};

export const messages: fc.Arbitrary<Message[]> = fc.array(fc.oneof(...Object.values(messageByType)), {
  minLength: 1,
  maxLength: 6,
});
