/** The ledger: whatever is deleted of what it calls dead, and whenever, the rest means the same. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { PersistRecord } from "../../../src/protocol/model/contract.ts";
import { Ledger } from "../../../src/store/ledger.ts";
import { rowOf } from "../../../src/store/record-row.ts";
import { checksumOf, packRows, type Row, unpackRows } from "../../../src/store/row.ts";
import { decodeRecord } from "../../../src/protocol/wire/records.ts";
import { meaningOf, record } from "../../support/records.ts";

type Step = { readonly make: number; readonly a: number; readonly b: number; readonly deleted: number };

/** Records as an engine makes them: appends touch the log's end, images lie within it. */
class Author {
  readonly #endByKey: Map<string, { last: number; image: number }> = new Map();
  #cluster = 0;
  #hasRoster = false;
  #counter = 0;

  write({ make, a, b }: Step): PersistRecord {
    const place = { p: a % 2, cfg: 1 + b % 2 };
    const key = `${place.p}/${place.cfg}`;
    const end = this.#endByKey.get(key) ?? { last: 0, image: 0 };
    this.#endByKey.set(key, end);
    this.#counter += 1;
    switch (make) {
      case 0:
        return record.founding(`f${this.#counter}`);
      case 1:
        // the first roster makes nothing void
        if (a === 0 && this.#hasRoster) {
          this.#cluster += 1;
          this.#endByKey.clear();
        }
        this.#hasRoster = true;
        return record.roster(`c${this.#cluster}`, this.#counter);
      case 2:
        return record.vote(this.#counter);
      case 3:
        return record.promise(this.#counter, place);
      case 4:
        return record.flag(a % 3 === 0 ? "seal" : "install", place);
      case 5:
        this.#endByKey.delete(key);
        return record.flag("retire", place);
      case 6:
        end.last = end.image = end.image + a;
        return record.image("snapshot", end.last, place);
      case 7:
        end.image = Math.min(end.last, end.image + a);
        return record.image("compact", end.image, place);
      default: {
        const prev = Math.max(end.image, end.last - (b > 6 ? a : 0));
        end.last = prev + b % 4;
        return record.append(prev, b % 4, this.#counter, place);
      }
    }
  }
}

function ledgerRowOf(seq: number, row: Row) {
  const { kind, p, cfg, prev, last, bytes } = row;
  return { seq, kind, p, cfg, prev, last, byteCount: bytes.length, checksum: checksumOf(seq, row) };
}

const STEPS = fc.array(
  fc.record({
    make: fc.integer({ min: 0, max: 16 }),
    a: fc.integer({ min: 0, max: 7 }),
    b: fc.integer({ min: 0, max: 9 }),
    deleted: fc.integer({ min: 0, max: 9 }),
  }),
  { minLength: 1, maxLength: 60, size: "max" },
);

test("deleting dead rows, oldest first, at any time, changes nothing", () => {
  fc.assert(
    fc.property(STEPS, (steps) => {
      const author = new Author();
      const all: PersistRecord[] = [];
      const disk = new Map<number, Row>();
      const ledger = new Ledger();
      let doomed: number[] = [];
      let cluster: string | null = null;
      for (const step of steps) {
        const each = author.write(step);
        const isAnew = each.type === "roster" && cluster !== null && cluster !== each.roster.cluster;
        if (each.type === "roster") cluster = each.roster.cluster;
        all.push(each);
        const row = rowOf(each, isAnew);
        disk.set(all.length, row);
        ledger.add(ledgerRowOf(all.length, row));
        if (doomed.length === 0) doomed = ledger.takeDead().map(({ seq }) => seq);
        for (const seq of doomed.splice(0, step.deleted)) disk.delete(seq);
        const again = new Ledger();
        for (const [seq, row] of disk) again.add(ledgerRowOf(seq, row));
        const left = again.live().map(({ seq }) => decodeRecord(disk.get(seq)!.bytes));
        if (meaningOf(left) !== meaningOf(all)) return false;
      }
      return true;
    }),
    { numRuns: 500 },
  );
});

test("rows survive the way between the threads", () => {
  const rows = [record.append(7, 3), record.image("snapshot", 2 ** 40), record.founding("f")].map((each) =>
    rowOf(each, false)
  );
  expect(unpackRows(packRows(rows)).map((row) => ({ ...row, bytes: [...row.bytes] }))).toEqual(
    rows.map((row) => ({ ...row, bytes: [...row.bytes] })),
  );
});

test("a checksum covers the record's place in the order", () => {
  const row = rowOf(record.promise(1), false);
  const sums = [checksumOf(1, row), checksumOf(2, row), checksumOf(1, { ...row, p: 2 })];
  expect(new Set([...sums, checksumOf(1 + 2 ** 32, row), checksumOf(1, { ...row, last: 1 })]).size).toBe(5);
});
