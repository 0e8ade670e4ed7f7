/** Any task, operation and settlement, for property tests. */
import * as fc from "fast-check";
import { ENDED_BECAUSE, TASK_STATES } from "../../src/protocol/wire/tasks.ts";
import { LIMITS } from "../../src/protocol/model/limits.ts";
import type {
  AgreedRetention,
  Lapse,
  Operation,
  Placement,
  QueuedCommand,
  Settlement,
  TaskError,
  TaskMessage,
  TaskOptions,
  TaskRecord,
  TaskRequest,
  TaskSpec,
} from "../../src/protocol/model/types.ts";
import {
  bytes,
  bytesOrNull,
  id,
  list,
  message,
  ms,
  name,
  no,
  session,
  text,
  uint,
} from "./basic-arbitraries.ts";

const label = fc.record({ key: name, value: name });
const weight = fc.integer({ min: -LIMITS.weightMax, max: LIMITS.weightMax });
const placement: fc.Arbitrary<Placement> = fc.record({
  requires: list(label),
  prefers: list(fc.record({ key: name, value: name, weight })),
  node: id,
  apart: name,
});
const tag = text(LIMITS.tagBytesMax);
const retention = fc.record({ completedMs: ms, failedMs: ms });
const told = fc.record({ no: fc.integer({ min: 1 }), completedMs: ms, failedMs: ms });
export const agreed: fc.Arbitrary<AgreedRetention | null> = fc.option(told);
export const taskOptions: fc.Arbitrary<TaskOptions | null> = fc.option(fc.record({
  priority: fc.integer({ min: -LIMITS.priorityMax, max: LIMITS.priorityMax }),
  retry: fc.option(fc.record({ backoffMs: ms, factor: ms, maxMs: ms, jitter: ms })),
  placement: fc.option(placement),
  expiresMs: ms,
  lapsesMax: fc.integer({ min: 0, max: LIMITS.lapsesMaxMax }),
  tags: list(tag),
  retention: fc.option(retention),
}));
export const taskMessage: fc.Arbitrary<TaskMessage> = fc.oneof(
  fc.constantFrom<TaskMessage>(
    ...(["run", "pause", "kill", "complete", "checkpoint", "release"] as const).map((type) => ({ type })),
  ),
  fc.record({ type: fc.constant("sleep" as const), untilMs: ms }),
  fc.record({ type: fc.constant("sleep" as const), forMs: ms }),
  fc.record({ type: fc.constant("error" as const), message }),
);
export const taskRequest: fc.Arbitrary<TaskRequest> = fc.oneof(
  taskMessage,
  fc.record({ type: fc.constantFrom("retry" as const, "purge" as const), fence: uint }),
  fc.record({ type: fc.constant("retain" as const), retention: told }),
);
export const queued: fc.Arbitrary<QueuedCommand[]> = list(fc.record({
  no: uint,
  message: fc.oneof(taskMessage, fc.constant({ type: "expire" as const })),
}));
export const spec: fc.Arbitrary<TaskSpec> = fc.record({
  id,
  name,
  payload: bytes,
  attemptsMax: uint,
  runAtMs: ms,
  delayMs: ms,
  cid: uint,
  options: taskOptions,
});
const because = fc.constantFrom(...(["errors", "fatal", "expired", "command"] as const));
const trace = fc.record({ cause: text(LIMITS.errorCauseBytesMax), stack: text(LIMITS.errorBytesMax) });
export const settlement: fc.Arbitrary<Settlement> = fc.oneof(
  fc.record({ type: fc.constant("complete" as const), result: bytesOrNull }),
  fc.record({ type: fc.constant("error" as const), message, untilMs: ms }),
  fc.record({ type: fc.constant("fail" as const), message, because }),
  fc.record({ type: fc.constant("fail" as const), message, because, trace }),
  fc.constant<Settlement>({ type: "release" }),
  fc.record({ type: fc.constant("checkpoint" as const), state: bytes }),
  fc.record({ type: fc.constant("progress" as const), value: bytes }),
  fc.constantFrom<Settlement>({ type: "ack" }, { type: "pause" }, { type: "kill" }),
  fc.record({ type: fc.constant("sleep" as const), untilMs: ms }),
  fc.record({ type: fc.constant("sleep" as const), forMs: ms }),
  fc.record({ type: fc.constant("decline" as const), forMs: ms }),
  fc.record({
    type: fc.constant("decline" as const),
    forMs: ms,
    why: text(LIMITS.declineWhyBytesMax).filter((why) => why !== ""),
  }),
  fc.record({
    type: fc.constant("error" as const),
    message,
    trace,
    forMs: ms,
    then: fc.constantFrom("pause" as const, "kill" as const),
  }),
);
export const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.constant<Operation>({ type: "noop" }),
  fc.record({ type: fc.constant("submit" as const), spec, atMs: ms }),
  fc.record({ type: fc.constant("lease" as const), id, session, atMs: ms }),
  fc.record({
    type: fc.constant("settle" as const),
    id,
    fence: uint,
    seq: uint,
    upTo: uint,
    settlement,
    atMs: ms,
  }),
  fc.record({ type: fc.constant("command" as const), id, cid: uint, message: taskRequest, atMs: ms }),
  fc.record({ type: fc.constant("condemn" as const), session }),
  fc.record({ type: fc.constant("revert" as const), session, atMs: ms, heardAtMs: ms, isDead: fc.boolean() }),
  fc.record({ type: fc.constant("expire" as const), id, atMs: ms }),
  fc.record({ type: fc.constant("alive" as const), node: no, boot: session.map(({ boot }) => boot) }),
  fc.record({ type: fc.constant("purge" as const), ids: list(id) }),
);
const error: fc.Arbitrary<TaskError> = fc.record({
  trace,
  atMs: ms,
  attempt: uint,
  fence: uint,
  node: no.map((n) => n - 1),
  kind: fc.constant("error" as const),
  message,
});
const lapse: fc.Arbitrary<Lapse> = fc.record({
  atMs: ms,
  attempt: uint,
  fence: uint,
  node: no,
  boot: session.map(({ boot }) => boot),
  ranMs: fc.option(ms),
  isCounted: fc.boolean(),
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
  endedByHolder: fc.boolean(),
  errors: list(error, LIMITS.errorsPerTaskMax),
  result: bytesOrNull,
  checkpoint: bytesOrNull,
  progress: bytesOrNull,
  checkpointSeq: uint,
  progressSeq: uint,
  commands: fc.option(fc.record({ queued, known: list(uint) })),
  expiresAtMs: ms,
  failedBecause: fc.constantFrom(...ENDED_BECAUSE),
  lapses: list(lapse, LIMITS.lapsesPerTaskMax),
  lapsesInSuccession: uint,
  harmlessMs: ms,
}).filter((record) => record.state !== "leased" || record.session !== null);
