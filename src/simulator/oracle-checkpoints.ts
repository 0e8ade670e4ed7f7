/**
 * I11: a checkpoint or progress that was acknowledged is never replaced by an older one. Handlers number what
 * they report, so that one can tell; that it is the chosen one is oracle-model.ts's business.
 */
import type { TaskRecord } from "../protocol/model/types.ts";
import { Violation } from "./violation.ts";

/** A node that is watched. */
interface ReportingNode {
  readonly no: number;
}

/** What an attempt reports of itself while it goes on. */
export type ReportKind = "checkpoint" | "progress";

/** Its number within the attempt; later attempts have higher fences. */
interface Report {
  readonly fence: number;
  readonly count: number;
}

/** The report of that number as bytes: what `CheckpointOracle` reads. */
export function reportOf(id: string, { fence, count }: Report): Uint8Array {
  return new TextEncoder().encode(`${id}/${fence}/${count}`);
}

function isOlder(a: Report, b: Report): boolean {
  return a.fence !== b.fence ? a.fence < b.fence : a.count < b.count;
}

export class CheckpointOracle {
  /** The newest one acknowledged of each task. */
  readonly #acked: Readonly<Record<ReportKind, Map<string, Report>>> = {
    checkpoint: new Map(),
    progress: new Map(),
  };

  acked(kind: ReportKind, id: string, report: Report): void {
    const before = this.#acked[kind].get(id);
    if (!before || isOlder(before, report)) this.#acked[kind].set(id, report);
  }

  /** Of a task that the node has as it is chosen. @throws Violation */
  check(node: ReportingNode, record: TaskRecord | undefined): void {
    if (!record) return;
    this.#check(node, record, "checkpoint");
    this.#check(node, record, "progress");
  }

  #check(node: ReportingNode, record: TaskRecord, kind: ReportKind): void {
    const { id } = record.spec;
    const acked = this.#acked[kind].get(id);
    if (!acked) return;
    const [, fence, count] = new TextDecoder().decode(record[kind] ?? new Uint8Array(0)).split("/");
    const seen = { fence: Number(fence ?? 0), count: Number(count ?? 0) };
    if (!isOlder(seen, acked)) return;
    const of = (report: Report): string => `${report.count} of fence ${report.fence}`;
    throw new Violation("I11", `n${node.no} has ${kind} ${of(seen)} of ${id}, acked was ${of(acked)}`);
  }
}
