/** One example of every kind of message, state and durable record: what wire.golden.txt shows as bytes. */
import type { PersistRecord } from "../../../src/protocol/api.ts";
import { makeEntry } from "../../../src/protocol/codec.ts";
import type { Message } from "../../../src/protocol/messages.ts";
import type { PartitionState } from "../../../src/protocol/state-codec.ts";
import type { Ballot, Operation, Roster, TaskRecord, TaskSpec } from "../../../src/protocol/types.ts";

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const p = 5;
const ballot: Ballot = { cfg: 1, counter: 300, node: 2, boot: 1 };
const older: Ballot = { cfg: 1, counter: 299, node: 3, boot: 4 };
const session = { node: 3, boot: 1, n: 2 };
const spec: TaskSpec = {
  id: "render/42",
  name: "exec",
  payload: bytes(1, 2, 3),
  attemptsMax: 3,
  runAtMs: 0,
  firstSentAtMs: 1_764_000_000_123,
};

export const operationExamples: readonly Operation[] = [
  { type: "noop" },
  { type: "submit", spec, atMs: 1_764_000_000_200 },
  { type: "lease", id: spec.id, session, atMs: 1_764_000_000_201.5 },
  {
    type: "settle",
    id: spec.id,
    fence: 70_000,
    settlement: { type: "complete", result: bytes(9) },
    atMs: 1_764_000_000_300,
  },
  { type: "settle", id: "é", fence: 7, settlement: { type: "complete", result: null }, atMs: 1 },
  {
    type: "settle",
    id: "a",
    fence: 7,
    settlement: { type: "error", message: "no disk", wakeAtMs: 250 },
    atMs: 1,
  },
  { type: "settle", id: "a", fence: 7, settlement: { type: "fail", message: "" }, atMs: 1 },
  { type: "settle", id: "a", fence: 7, settlement: { type: "release" }, atMs: 1 },
  { type: "settle", id: "a", fence: 7, settlement: { type: "checkpoint", state: bytes(4, 5) }, atMs: 1 },
  { type: "condemn", session },
  { type: "revert", session, atMs: 2 },
  { type: "purge", count: 1000 },
];
const entries = operationExamples.map((op, at) => makeEntry(at < 2 ? older : ballot, op));

const member = {
  no: 1,
  id: "12D3KooWA",
  name: "alpha",
  labels: { zone: "a", rack: "7" },
  witness: false,
  leaving: false,
};
const witness = { no: 2, id: "12D3KooWB", name: "beta", labels: {}, witness: true, leaving: true };
const roster: Roster = {
  cluster: "12D3KooWA/f00d",
  epoch: 1,
  replication: 3,
  members: [member, witness],
  nextNo: 3,
  deciders: [1],
  chains: [[{ epoch: 1, keepers: [1, 2] }], [{ epoch: 1, keepers: [2, 1] }, { epoch: 2, keepers: [1] }]],
};
const candidates = [member, witness].map(({ no: _no, leaving: _leaving, ...candidate }) => candidate);

const record: TaskRecord = {
  spec,
  state: "leased",
  session,
  fence: 12,
  attempt: 2,
  avoid: -1,
  wakeAtMs: 0,
  submittedAtMs: 1_764_000_000_200,
  startedAtMs: 1_764_000_000_201.5,
  finishedAtMs: 0,
  errors: [{ atMs: 1_764_000_000_200, attempt: 1, fence: 8, node: 2, kind: "lapsed", message: "not heard" }],
  result: null,
  checkpoint: bytes(0xff),
};
const done: TaskRecord = {
  ...record,
  spec: { ...spec, id: "done" },
  state: "completed",
  avoid: 2,
  errors: [],
  result: bytes(),
  checkpoint: null,
};

export const stateExample: PartitionState = {
  records: [record, done],
  finished: ["done"],
  condemned: [session],
  horizonMs: 1_763_000_000_000,
};

export const messageExamples: { readonly [T in Message["type"]]: Extract<Message, { readonly type: T }> } = {
  prepare: { type: "prepare", p, ballot, pre: true, end: { ballot: older, index: 12 } },
  promise: { type: "promise", p, ballot, pre: false, answer: "promised", promised: older },
  transfer: { type: "transfer", p: 4095, ballot },
  append: { type: "append", p, ballot, prevIndex: 12, prevBallot: older, commit: 11, first: 10, entries },
  appendReply: {
    type: "appendReply",
    p,
    ballot,
    ok: true,
    index: 24,
    silences: [{ session, index: 20, elapsedMs: 4012.5 }],
  },
  refuse: { type: "refuse", p, ballot: older, promised: ballot },
  snapshot: {
    type: "snapshot",
    p,
    ballot,
    end: { ballot: older, index: 12 },
    first: 10,
    offset: 3,
    totalBytes: 6,
    data: bytes(1, 2, 3),
  },
  snapshotReply: { type: "snapshotReply", p, ballot, index: 12, receivedBytes: 3 },
  beat: {
    type: "beat",
    boot: 1,
    sentMs: 1234.5,
    epoch: 1,
    sessions: [{ p: 7, n: 2 }],
    reigns: [{ p, ballot, commit: 24, isActive: true }],
  },
  beatReply: {
    type: "beatReply",
    boot: 1,
    sentMs: 1234.5,
    epoch: 1,
    vouches: [{ cfg: 1, bits: bytes(0xff, 0x7f) }],
    condemned: [{ p: 7, n: 1 }],
    reigns: [{ p, ballot, commit: 24, isActive: false }],
    refused: [{ p: 8, promised: ballot }],
  },
  attach: {
    type: "attach",
    p,
    ballot,
    node: 1,
    boot: 1,
    n: 2,
    attach: 3,
    held: [{ id: "render/42", fence: 12 }],
  },
  attachReply: { type: "attachReply", p, ballot, boot: 1, attach: 3, condemned: 0 },
  credit: {
    type: "credit",
    boot: 1,
    stewardBoot: 4_294_967_295,
    seq: 9,
    free: 50,
    upTo: 200,
    load: 48,
    standing: "up",
    handlers: ["exec", "resize"],
    recall: true,
  },
  creditReply: { type: "creditReply", seq: 9, issued: 210 },
  hungry: { type: "hungry", boot: 1, backlog: 4000 },
  grant: {
    type: "grant",
    p,
    ballot,
    boot: 1,
    n: 2,
    attach: 3,
    floor: 10,
    tasks: [{
      no: 211,
      id: "render/42",
      fence: 12,
      attempt: 2,
      name: "exec",
      payload: bytes(1, 2, 3),
      attemptsMax: 3,
      errorAtMs: [1_764_000_000_200],
      checkpoint: null,
    }],
  },
  grantAck: { type: "grantAck", p, ballot, fences: [12, 16_384] },
  settle: {
    type: "settle",
    p,
    items: [{ id: "render/42", fence: 12, seq: 1, settlement: { type: "complete", result: bytes(9) } }],
  },
  settleReply: { type: "settleReply", p, items: [{ fence: 12, seq: 1, accepted: true }] },
  submit: { type: "submit", p, items: [{ rid: 9_007_199_254_740_991, watch: true, spec }] },
  submitReply: {
    type: "submitReply",
    p,
    items: [{ rid: 16_777_217, status: "created" }, { rid: 2, status: "busy" }],
  },
  watch: { type: "watch", p, ids: ["render/42", "日本"] },
  outcome: {
    type: "outcome",
    p,
    items: [{ id: "render/42", state: "failed", fence: 12, attempt: 3, result: null, error: "exit 1" }],
  },
  query: { type: "query", rid: 5, p, query: { type: "list", state: "", offset: 100, limit: 50 } },
  queryReply: { type: "queryReply", rid: 5, p, tasks: [{ record, why: "" }], more: true },
  found: { type: "found", founding: "12D3KooWA/f00d", members: candidates, acked: ["12D3KooWA"] },
  roster: { type: "roster", roster, isSettled: true },
  steward: { type: "steward", p, ballot },
  seal: { type: "seal", p, cfg: 1, ballot },
  sealed: {
    type: "sealed",
    p,
    cfg: 1,
    ballot,
    isInstalled: true,
    by: [2, 3],
    end: { ballot: older, index: 12 },
  },
  inherit: { type: "inherit", p, cfg: 1, ballot, offset: 3 },
  image: {
    type: "image",
    p,
    cfg: 1,
    ballot,
    end: { ballot: older, index: 12 },
    offset: 3,
    totalBytes: 6,
    data: bytes(1, 2, 3),
  },
  join: { type: "join", candidate: candidates[0]! },
  joinRefused: { type: "joinRefused", id: "12D3KooWC", reason: "names must differ" },
  leave: { type: "leave", no: 2 },
  rosterPrepare: { type: "rosterPrepare", ballot },
  rosterPromise: {
    type: "rosterPromise",
    ballot,
    ok: true,
    promised: ballot,
    accepted: { ballot: older, roster },
  },
  rosterAccept: { type: "rosterAccept", ballot, isFresh: true, roster },
  rosterAccepted: { type: "rosterAccepted", ballot, answer: "heard", promised: ballot },
  nodeCommand: {
    type: "nodeCommand",
    cid: 4_503_599_627_370_495,
    command: { type: "stopTask", id: "render/42" },
  },
  nodeCommandReply: { type: "nodeCommandReply", cid: 5, status: "missing" },
};

export const recordExamples: readonly PersistRecord[] = [
  { type: "founding", founding: "12D3KooWA/f00d", members: candidates },
  { type: "roster", roster },
  { type: "promise", p, ballot },
  { type: "append", p, cfg: 1, prevIndex: 12, entries: entries.slice(1, 4) },
  { type: "snapshot", p, cfg: 1, end: { ballot: older, index: 12 }, state: bytes(1, 2, 3) },
  { type: "compact", p, cfg: 2, end: { ballot: older, index: 12 }, state: bytes(1, 2, 3) },
  { type: "install", p, cfg: 2 },
  { type: "seal", p, cfg: 1, by: [2, 3] },
  { type: "retire", p, cfg: 1 },
  { type: "vote", epoch: 1, promised: ballot, accepted: { ballot: older, roster } },
];
