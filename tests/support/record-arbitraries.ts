/** States and durable records for property tests; their parts: message-arbitraries.ts. */
import * as fc from "fast-check";
import type { PersistRecord } from "../../src/protocol/model/contract.ts";
import { LIMITS } from "../../src/protocol/model/limits.ts";
import type { PartitionState } from "../../src/protocol/model/types.ts";
import { ballot, bytes, end, id, list, ms, p, session, text, uint } from "./basic-arbitraries.ts";
import { accepted, candidate, entries, roster } from "./message-arbitraries.ts";
import { agreed, taskRecord } from "./task-arbitraries.ts";

export const state: fc.Arbitrary<PartitionState> = fc.uniqueArray(taskRecord, {
  maxLength: 6,
  selector: (record) => record.spec.id,
}).chain((records) =>
  fc.record({
    records: fc.constant(records),
    finished: fc.shuffledSubarray(records.map((record) => record.spec.id)),
    condemned: list(session),
    horizonMs: ms,
    timeMs: ms,
    retention: agreed,
    purged: list(fc.record({ id, cid: uint, finishedAtMs: ms, no: uint })),
  })
);

export const persistRecord: fc.Arbitrary<PersistRecord> = fc.oneof(
  fc.record({
    type: fc.constant("founding" as const),
    founding: text(LIMITS.foundingBytesMax),
    members: list(candidate),
  }),
  fc.record({ type: fc.constant("roster" as const), roster }),
  fc.record({ type: fc.constant("promise" as const), p, ballot }),
  fc.record({ type: fc.constant("append" as const), p, cfg: uint, prevIndex: uint, entries }),
  fc.record({
    type: fc.constantFrom("snapshot" as const, "compact" as const),
    p,
    cfg: uint,
    end,
    state: bytes,
  }),
  fc.record({ type: fc.constantFrom("install" as const, "retire" as const), p, cfg: uint }),
  fc.record({ type: fc.constant("seal" as const), p, cfg: uint, by: list(uint) }),
  fc.record({ type: fc.constant("vote" as const), epoch: uint, promised: ballot, accepted }),
);
