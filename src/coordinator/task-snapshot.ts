/** A task's record turned into what people and programs are shown. */
import type { TaskView } from "../protocol/model/messages.ts";
import type { Lapse, Member, MemberNo, NodeId, Roster, TaskError } from "../protocol/model/types.ts";
import type { LapseInfo, TaskErrorInfo, TaskSnapshot } from "./coordinator.ts";

export interface SnapshotContext {
  readonly roster: Roster;
  readonly partition: number;
  /** How long the owner's leases in the partition still hold, as far as this node knows. */
  readonly leaseRemainingMs: (owner: MemberNo) => number;
}

export function taskSnapshot({ record, why }: TaskView, context: SnapshotContext): TaskSnapshot {
  const { spec, state, session, fence, attempt } = record;
  const { roster, partition } = context;
  const owner = state === "leased" && session ? memberOf(roster, session.node) : undefined;
  return {
    id: spec.id,
    name: spec.name,
    state,
    owner: owner?.id ?? null,
    ownerName: owner?.name ?? null,
    fence: String(fence),
    attempt,
    leaseRemainingMs: owner ? Math.max(0, Math.round(context.leaseRemainingMs(owner.no))) : null,
    submittedAt: isoTime(record.submittedAtMs),
    startedAt: isoTime(record.startedAtMs),
    finishedAt: isoTime(record.finishedAtMs),
    wakeAt: state === "sleeping" ? isoTime(record.wakeAtMs) : null,
    errors: record.errors.map((error) => errorInfo(error, roster)),
    result: record.result,
    progress: record.progress,
    commands: record.commands?.queued.flatMap(({ message }) => message.type === "expire" ? [] : message) ??
      [],
    partition,
    keepers: keepersOf(roster, partition).map((member) => member.id),
    why: why === "" ? null : why,
    expiresAt: isoTime(record.expiresAtMs),
    failedBecause: record.failedBecause,
    lapses: record.lapses.map((lapse) => lapseInfo(lapse, roster)),
  };
}

/** The members that keep a partition, in ring order. */
export function keepersOf(roster: Roster, partition: number): Member[] {
  const numbers = roster.chains[partition]?.at(-1)?.keepers ?? [];
  return numbers.flatMap((no) => memberOf(roster, no) ?? []);
}

function memberOf(roster: Roster, no: MemberNo): Member | undefined {
  return roster.members.find((member) => member.no === no);
}

function errorInfo(error: TaskError, roster: Roster): TaskErrorInfo {
  const member = memberOf(roster, error.node);
  return {
    at: isoTime(error.atMs) ?? "",
    attempt: error.attempt,
    fence: String(error.fence),
    node: (member?.id ?? null) as NodeId | null,
    nodeName: member?.name ?? null,
    kind: error.kind,
    message: error.message,
    cause: error.trace?.cause || null,
    stack: error.trace?.stack || null,
  };
}

function lapseInfo({ atMs, attempt, fence, node, ranMs, isCounted }: Lapse, roster: Roster): LapseInfo {
  const member = memberOf(roster, node);
  return {
    at: isoTime(atMs) ?? "",
    attempt,
    fence: String(fence),
    node: (member?.id ?? null) as NodeId | null,
    nodeName: member?.name ?? null,
    ranMs: ranMs === null ? null : Math.round(ranMs),
    counted: isCounted,
  };
}

/** Null for 0 and for what no Date can hold. */
function isoTime(ms: number): string | null {
  const date = new Date(ms);
  return ms === 0 || Number.isNaN(date.getTime()) ? null : date.toISOString();
}
