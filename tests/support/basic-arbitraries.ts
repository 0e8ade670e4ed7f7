/** What messages, tasks and records are made of, for property tests: edges of numbers, all of Unicode. */
import * as fc from "fast-check";
import { LIMITS } from "../../src/protocol/model/limits.ts";
import type { Ballot, LogEnd, SessionId } from "../../src/protocol/model/types.ts";

export const upTo = (max: number): fc.Arbitrary<number> =>
  fc.oneof(fc.nat({ max: Math.min(max, 300) }), fc.nat({ max }), fc.constant(max));
export const uint: fc.Arbitrary<number> = upTo(Number.MAX_SAFE_INTEGER);
export const p: fc.Arbitrary<number> = upTo(LIMITS.partitionsMax - 1);
export const no: fc.Arbitrary<number> = upTo(LIMITS.memberNoMax);
export const boot: fc.Arbitrary<number> = upTo(LIMITS.bootMax);
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
export const id: fc.Arbitrary<string> = text(LIMITS.idBytesMax);
export const name: fc.Arbitrary<string> = text(LIMITS.nameBytesMax);
export const message: fc.Arbitrary<string> = text(LIMITS.errorMessageBytesMax);
export const bytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 3000 }),
);
export const bytesOrNull: fc.Arbitrary<Uint8Array | null> = fc.option(bytes);
export const list = <T>(item: fc.Arbitrary<T>, maxLength = 5): fc.Arbitrary<T[]> =>
  fc.array(item, { maxLength });

export const ballot: fc.Arbitrary<Ballot> = fc.record({ cfg: uint, counter: uint, node: no, boot });
export const session: fc.Arbitrary<SessionId> = fc.record({ node: no, boot, n: uint });
export const end: fc.Arbitrary<LogEnd> = fc.oneof(
  fc.constant<LogEnd>({ ballot: null, index: 0 }),
  fc.record({ ballot, index: uint.map((index) => Math.max(1, index)) }),
);
