/**
 * In the middle of a run all nodes stop, and some lose their disks for ever and come back as new nodes. What
 * is left is recovered as the product does it (protocol/recovery.ts): into one cluster, or by mistake into
 * two, each from some of the disks. What is enough as it is, by the report, may also go on as it is.
 */
import { recordsOf, type Recovery, recoveryOf, type Survivor, survivorOf } from "../protocol/recovery.ts";
import { encodeRecord } from "../protocol/wire/records.ts";
import { Rng } from "../testing/rng.ts";
import type { VirtualNode } from "./node.ts";
import { judgeRecovery } from "./oracle-recovery.ts";
import { type Run, Side } from "./side.ts";
import { Violation } from "./violation.ts";

const SPLIT_CHANCE = 0.35;
const GO_ON_CHANCE = 0.5;

/** A node whose disk is left. */
interface Left {
  readonly node: VirtualNode;
  readonly survivor: Survivor;
}

/** Those that are recovered together. */
interface Group {
  readonly nodes: readonly VirtualNode[];
  readonly survivors: readonly Survivor[];
  readonly recovery: Recovery;
}

/** Returns what becomes of the side: one or two. `count`: of the disasters of the run, from 1. */
export function strikeDisaster(run: Run, side: Side, count: number): readonly Side[] {
  const rng = new Rng(side.plan.seed, 11);
  for (const node of side.nodes) node.crash();
  const groups = groupsOf(rng, side).map((group, at): Group => {
    const survivors = group.map(({ survivor }) => survivor);
    const recovery = recoveryFrom(survivors, `${count}.${at}.${rng.int(1_000_000)}`);
    return { nodes: group.map(({ node }) => node), survivors, recovery };
  });
  note(run, groups);
  const [first, second] = groups;
  if (!first) return goOn(rng, side, side.nodes);
  if (!second && !first.recovery.isNeeded && rng.chance(GO_ON_CHANCE)) return goOn(rng, side, first.nodes);
  side.end();
  const sides = groups.map(({ survivors, recovery }, at) => {
    const heritage = judgeRecovery(side.oracle, survivors, recovery);
    const plan = { ...side.plan, seed: side.plan.seed + (2 * count + at) * 1_000_000_000 };
    return new Side(run, plan, { earlier: side, heritage });
  });
  for (const node of side.nodes) {
    const at = groups.findIndex(({ nodes }) => nodes.includes(node));
    if (at < 0) move(rng, node, rng.pick(sides), null);
    else move(rng, node, sides[at]!, groups[at]!.recovery);
  }
  for (const { chaos, workload } of sides) {
    chaos.begin();
    workload.begin();
  }
  return sides;
}

/** Whose disks are left, by who is recovered with whom. None: nobody who could go on was in a cluster. */
function groupsOf(rng: Rng, side: Side): readonly (readonly Left[])[] {
  const all = side.nodes.flatMap((node): Left[] => {
    const survivor = survivorOf(node.id, node.disk.records);
    return survivor ? [{ node, survivor }] : [];
  });
  const left = rng.sample(all, 1 + rng.int(all.length));
  const at = 1 + rng.int(Math.max(1, left.length - 1));
  const split = [left.slice(0, at), left.slice(at)];
  if (rng.chance(SPLIT_CHANCE) && split.every(canRun)) return split;
  return [left, all].filter(canRun).slice(0, 1);
}

/** Somebody of them runs tasks, and is a member for all. */
function canRun(group: readonly Left[]): boolean {
  return group.some(({ node, survivor: { id } }) =>
    !node.candidate.witness &&
    group.every(({ survivor: { roster } }) => roster.members.some((member) => member.id === id))
  );
}

/** What can be recovered can be written, too. */
function recoveryFrom(survivors: readonly Survivor[], nonce: string): Recovery {
  try {
    const recovery = recoveryOf(survivors, nonce);
    for (const record of recovery.records) encodeRecord(record);
    return recovery;
  } catch (error) {
    throw new Violation("X-threw", `the recovery threw: ${error instanceof Error ? error.stack : error}`);
  }
}

function note({ trace, schedule }: Run, groups: readonly Group[]): void {
  if (!trace.on) return;
  trace.line(schedule.nowMs, "net", "==== DISASTER");
  for (const { nodes, recovery: { roster, doubtful, lost, isNeeded } } of groups) {
    const who = nodes.map(({ no }) => `n${no}`).join(" ");
    const what = isNeeded ? `doubtful [${doubtful}], lost [${lost}]` : "enough as it is";
    trace.line(schedule.nowMs, "net", `of ${who} can be made ${roster.cluster}: ${what}`);
  }
}

/** The cluster as it is, with these disks. */
function goOn(rng: Rng, side: Side, left: readonly VirtualNode[]): readonly Side[] {
  for (const node of side.nodes) {
    if (!left.includes(node)) node.forget();
    startLater(rng, node);
  }
  return [side];
}

/** The machine goes on in a new cluster: as a member of it, or with an empty disk. */
function move(rng: Rng, node: VirtualNode, side: Side, recovery: Recovery | null): void {
  const next = node.moveTo(side);
  const own = recovery ? recordsOf(next.id, recovery.records) : [];
  if (own.length > 0) next.disk.write(own);
  else next.forget();
  side.nodes.push(next);
  startLater(rng, next);
}

function startLater(rng: Rng, node: VirtualNode): void {
  const { schedule, plan } = node.world;
  schedule.after(rng.range(0, 2 * plan.leaseTtlMs), () => node.isWanted && node.start());
}
