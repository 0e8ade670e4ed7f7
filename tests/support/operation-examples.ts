/** One example of every operation, and the words that the other examples share (message-examples.ts). */
import type { Ballot, Operation, SessionId, TaskSpec } from "../../src/protocol/model/types.ts";

export const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
export const p: number = 5;
export const ballot: Ballot = { cfg: 1, counter: 300, node: 2, boot: 1 };
export const older: Ballot = { cfg: 1, counter: 299, node: 3, boot: 4 };
export const session: SessionId = { node: 3, boot: 1, n: 2 };
export const spec: TaskSpec = {
  id: "render/42",
  name: "exec",
  payload: bytes(1, 2, 3),
  attemptsMax: 3,
  runAtMs: 0,
  delayMs: 0,
  cid: 4_503_599_627_370_495,
  options: null,
};
export const choosy: TaskSpec = {
  ...spec,
  options: {
    priority: -5,
    retry: { backoffMs: 500, factor: 1.5, maxMs: 60_000, jitter: 0.2 },
    placement: {
      requires: [{ key: "zone", value: "a" }],
      prefers: [{ key: "disk", value: "ssd", weight: 10 }],
      node: "alpha",
      apart: "db",
    },
    expiresMs: 600_000,
    lapsesMax: 3,
  },
};

export const operationExamples: readonly Operation[] = [
  { type: "noop" },
  { type: "submit", spec, atMs: 1_764_000_000_200 },
  { type: "submit", spec: choosy, atMs: 1_764_000_000_200 },
  { type: "lease", id: spec.id, session, atMs: 1_764_000_000_201.5 },
  {
    type: "settle",
    id: spec.id,
    fence: 70_000,
    seq: 3,
    upTo: 69_000,
    settlement: { type: "complete", result: bytes(9) },
    atMs: 1_764_000_000_300,
  },
  {
    type: "settle",
    id: "é",
    fence: 7,
    seq: 1,
    upTo: 0,
    settlement: { type: "complete", result: null },
    atMs: 1,
  },
  {
    type: "settle",
    id: "a",
    fence: 7,
    seq: 2,
    upTo: 0,
    settlement: {
      type: "error",
      message: "no disk",
      trace: { cause: "Error: ENOSPC", stack: "Error\n    at write (file:1:2)" },
      untilMs: 250,
    },
    atMs: 1,
  },
  {
    type: "settle",
    id: "a",
    fence: 7,
    seq: 1,
    upTo: 0,
    settlement: { type: "fail", message: "", because: "fatal" },
    atMs: 1,
  },
  { type: "settle", id: "a", fence: 7, seq: 1, upTo: 0, settlement: { type: "release" }, atMs: 1 },
  {
    type: "settle",
    id: "a",
    fence: 7,
    seq: 2,
    upTo: 0,
    settlement: { type: "checkpoint", state: bytes(4, 5) },
    atMs: 1,
  },
  {
    type: "settle",
    id: "a",
    fence: 7,
    seq: 1,
    upTo: 0,
    settlement: { type: "progress", value: bytes(6) },
    atMs: 1,
  },
  { type: "settle", id: "a", fence: 7, seq: 1, upTo: 5, settlement: { type: "ack" }, atMs: 1 },
  { type: "settle", id: "a", fence: 7, seq: 1, upTo: 0, settlement: { type: "sleep", untilMs: 3 }, atMs: 1 },
  { type: "settle", id: "a", fence: 7, seq: 1, upTo: 0, settlement: { type: "sleep", forMs: 3 }, atMs: 1 },
  { type: "settle", id: "a", fence: 7, seq: 1, upTo: 0, settlement: { type: "pause" }, atMs: 1 },
  { type: "settle", id: "a", fence: 7, seq: 1, upTo: 0, settlement: { type: "kill" }, atMs: 1 },
  {
    type: "settle",
    id: "a",
    fence: 7,
    seq: 1,
    upTo: 0,
    settlement: { type: "decline", forMs: 4 },
    atMs: 1,
  },
  {
    type: "settle",
    id: "a",
    fence: 7,
    seq: 2,
    upTo: 0,
    settlement: { type: "error", message: "no disk", forMs: 0, then: "pause" },
    atMs: 1,
  },
  { type: "command", id: "a", cid: 9_007_199_254_740_991, message: { type: "sleep", untilMs: 9 }, atMs: 1 },
  { type: "command", id: "a", cid: 1, message: { type: "error", message: "told so" }, atMs: 1 },
  { type: "command", id: "a", cid: 2, message: { type: "kill" }, atMs: 1 },
  { type: "condemn", session },
  { type: "revert", session, atMs: 2, heardAtMs: 1, isDead: true },
  { type: "purge", count: 1000 },
  { type: "expire", id: "a", atMs: 3 },
  { type: "alive", node: 3, boot: 1 },
];
