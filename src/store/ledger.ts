/**
 * Which rows are still needed. It follows from their order alone, so what is not needed may be deleted at
 * any later time, oldest first: a row that makes others void is never deleted before them.
 */
import { KIND, type RowHead } from "./row.ts";

export interface LedgerRow extends RowHead {
  readonly seq: number;
  readonly byteCount: number;
  readonly checksum: number;
}

/** An append whose entries beyond `last` were replaced by a later one. */
interface LogRow {
  readonly row: LedgerRow;
  last: number;
}

/** What is kept of one partition in one configuration. */
interface Place {
  readonly p: number;
  readonly cfg: number;
  seal: LedgerRow | null;
  install: LedgerRow | null;
  promise: LedgerRow | null;
  snapshot: LedgerRow | null;
  log: LogRow[];
}

export class Ledger {
  #founding: LedgerRow | null = null;
  #roster: LedgerRow | null = null;
  #vote: LedgerRow | null = null;
  readonly #placeByKey: Map<string, Place> = new Map();
  #dead: LedgerRow[] = [];
  #liveBytes = 0;
  #deadBytes = 0;

  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Of rows that are not needed and were not taken yet. */
  get deadBytes(): number {
    return this.#deadBytes;
  }

  /** Rows that are not needed any more since the last call, oldest first. */
  takeDead(): LedgerRow[] {
    const dead = this.#dead.sort((a, b) => a.seq - b.seq);
    this.#dead = [];
    this.#deadBytes = 0;
    return dead;
  }

  /** In the order of their numbers. */
  add(row: LedgerRow): void {
    this.#liveBytes += row.byteCount;
    switch (row.kind) {
      case KIND.founding:
        this.#founding = this.#replace(this.#founding, row);
        return;
      case KIND.rosterAnew:
        this.#clear();
        this.#roster = row;
        return;
      case KIND.roster:
        this.#roster = this.#replace(this.#roster, row);
        return;
      case KIND.vote:
        this.#vote = this.#replace(this.#vote, row);
        return;
      default:
        this.#addToPlace(row);
    }
  }

  /** What must be replayed, in an order that means the same as all that was ever added. */
  live(): readonly LedgerRow[] {
    const rows = [this.#founding, this.#roster, this.#vote];
    const places = [...this.#placeByKey.values()].sort((a, b) => a.p - b.p || a.cfg - b.cfg);
    for (const place of places) rows.push(...rowsOf(place));
    return rows.filter((row) => row !== null);
  }

  #addToPlace(row: LedgerRow): void {
    const key = `${row.p}/${row.cfg}`;
    let place = this.#placeByKey.get(key);
    if (!place) {
      place = { p: row.p, cfg: row.cfg, seal: null, install: null, promise: null, snapshot: null, log: [] };
      this.#placeByKey.set(key, place);
    }
    switch (row.kind) {
      case KIND.promise:
        place.promise = this.#replace(place.promise, row);
        return;
      case KIND.install:
        place.install = this.#replace(place.install, row);
        return;
      case KIND.seal:
        place.seal = this.#replace(place.seal, row);
        return;
      case KIND.append:
        return this.#append(place, row);
      case KIND.snapshot:
        return this.#compact(place, row, Infinity);
      case KIND.compact:
        return this.#compact(place, row, row.last);
      case KIND.retire:
        for (const each of rowsOf(place)) this.#bury(each);
        this.#bury(row);
        this.#placeByKey.delete(key);
        return;
      default:
        throw new RangeError(`Cannot read a row: its kind must be from 0 to 10, got ${row.kind}`);
    }
  }

  /** Entries beyond `prev` are gone, also those that a compaction would otherwise bring back. */
  #append(place: Place, row: LedgerRow): void {
    for (let at = place.log.length - 1; at >= 0; at--) {
      const earlier = place.log[at]!;
      if (earlier.last <= row.prev) break;
      earlier.last = row.prev;
      if (earlier.row.prev < row.prev) break;
      this.#bury(earlier.row);
      place.log.length = at;
    }
    place.log.push({ row, last: row.last });
  }

  #compact(place: Place, row: LedgerRow, end: number): void {
    place.snapshot = this.#replace(place.snapshot, row);
    const kept = place.log.findIndex(({ last }) => last > end);
    const gone = place.log.splice(0, kept === -1 ? place.log.length : kept);
    for (const { row } of gone) this.#bury(row);
  }

  #clear(): void {
    for (const row of [this.#founding, this.#roster, this.#vote]) if (row) this.#bury(row);
    for (const place of this.#placeByKey.values()) for (const row of rowsOf(place)) this.#bury(row);
    this.#placeByKey.clear();
    this.#founding = this.#roster = this.#vote = null;
  }

  #replace(old: LedgerRow | null, row: LedgerRow): LedgerRow {
    if (old) this.#bury(old);
    return row;
  }

  #bury(row: LedgerRow): void {
    this.#dead.push(row);
    this.#liveBytes -= row.byteCount;
    this.#deadBytes += row.byteCount;
  }
}

function rowsOf({ seal, install, promise, snapshot, log }: Place): readonly LedgerRow[] {
  const heads = [seal, install, promise, snapshot].filter((row) => row !== null);
  return [...heads, ...log.map(({ row }) => row)];
}
