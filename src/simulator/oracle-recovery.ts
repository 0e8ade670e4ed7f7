/**
 * Judges a recovery after a lost majority. I13: what a majority of a partition's keepers still had is there;
 * so is everything else that the report does not call doubtful or lost; and nothing is there that no disk
 * had. Written apart from protocol/recovery.ts: which copies must have been enough is the oracle's own idea.
 */
import type { LogEnd, NodeId } from "../protocol/model/types.ts";
import type { Copy, Recovery, Survivor } from "../protocol/recovery.ts";
import { decodeState } from "../protocol/wire/snapshots.ts";
import { ballotOrder, ChosenState, differenceOf, isFinished } from "./oracle-model.ts";
import type { ChosenLog, Heritage, Oracle } from "./oracle.ts";
import { Violation } from "./violation.ts";

/** One partition of it. */
interface Case {
  readonly p: number;
  readonly log: ChosenLog;
  readonly end: LogEnd;
  readonly copies: readonly Copy[];
  /** Enough of its keepers are left. */
  readonly isSafe: boolean;
  readonly state: ReturnType<typeof decodeState>;
}

/**
 * What the recovered cluster begins with.
 *
 * @throws Violation
 */
export function judgeRecovery(
  oracle: Oracle,
  survivors: readonly Survivor[],
  recovery: Recovery,
): Heritage {
  const ids = new Set(survivors.map(({ id }) => id));
  const states: ChosenState[] = [];
  let end: LogEnd = { ballot: null, index: 0 };
  for (const record of recovery.records) {
    if (record.type !== "snapshot") continue;
    const { p } = record;
    const copies = survivors.flatMap((survivor) => survivor.copies.filter((copy) => copy.p === p));
    const log = oracle.logOf(p);
    const state = decodeState(record.state);
    const isSafe = hasEnough(oracle, p, ids);
    states.push(judge(recovery, { p, log, end: oracle.chosenEnd(p), copies, isSafe, state }));
    ({ end } = record);
  }
  const { fences, clients: { acked, purged } } = oracle;
  return { states, end, fences, acked, purged };
}

/** A majority of the configuration that chose the last entry still has its disks. */
function hasEnough(oracle: Oracle, p: number, ids: ReadonlySet<NodeId>): boolean {
  const cfg = oracle.logOf(p).terms.at(-1)?.cfg;
  const { chains, members } = oracle.newestRoster!;
  const keepers = chains[p]!.find(({ epoch }) => epoch === cfg)?.keepers;
  if (!keepers) return false;
  const left = members.filter(({ no, id }) => keepers.includes(no) && ids.has(id));
  return left.length * 2 > keepers.length;
}

function judge({ doubtful, lost, stale }: Recovery, one: Case): ChosenState {
  const { p, log, end, copies, isSafe, state } = one;
  const isDoubtful = doubtful.includes(p);
  const isLost = lost.includes(p);
  if (isSafe && isLost) throw broken(p, "is called lost, but a majority of its keepers is left");
  if (isLost && copies.some(({ replica }) => replica.lastIndex > 0)) {
    throw broken(p, "is called lost, but a disk has some of it");
  }
  const isWhole = isSafe || !isDoubtful && !isLost;
  const fitting = copies.filter((copy) => !isWhole || hasAll(copy, log, end));
  if (isWhole && fitting.length === 0) {
    throw broken(p, `is ${isSafe ? "safe" : "called whole"}, but no disk has all ${end.index} entries`);
  }
  const found = isLost
    ? matching(state, [new ChosenState()])
    : matching(state, fitting.map((copy) => stateOf(copy, log)));
  if (!found) {
    const ids = state.records.map(({ spec, state }) => `${spec.id} ${state}`).join(", ");
    throw broken(p, `has what no disk had, or not all that a majority had: ${ids}`);
  }
  for (const [id, task] of found.tasks) {
    const isNamed = isFinished(task) || stale.includes(id);
    if (isDoubtful && !isNamed) throw broken(p, `is doubtful, but ${id}, ${task.state}, is not named`);
  }
  return found;
}

function broken(p: number, what: string): Violation {
  return new Violation("I13", `recovered p${p} ${what}`);
}

/** The copy has every entry that is chosen. */
function hasAll({ replica }: Copy, { base, entries }: ChosenLog, { index }: LogEnd): boolean {
  if (replica.lastIndex < index) return false;
  const last = entries.at(-1);
  const mine = replica.entryAt(index);
  // trimmed: then the copy knew it to be chosen
  return !last || !mine || index === base.index || ballotOrder(mine.ballot, last.ballot) === 0;
}

/** The tasks of a copy, by the oracle's own idea of its entries; what it has trimmed was chosen. */
function stateOf({ p, replica }: Copy, { base, first, entries }: ChosenLog): ChosenState {
  const state = first.copy();
  for (let index = base.index + 1; index <= replica.lastIndex; index++) {
    const entry = replica.entryAt(index) ?? entries[index - 1 - base.index];
    if (!entry) throw broken(p, `comes from a disk that trimmed entry ${index}, which is not chosen`);
    state.apply(index, entry.op);
  }
  return state;
}

function matching(
  { records }: ReturnType<typeof decodeState>,
  states: readonly ChosenState[],
): ChosenState | undefined {
  const recordById = new Map(records.map((record) => [record.spec.id, record]));
  return states.find(({ tasks }) =>
    tasks.size === recordById.size &&
    [...tasks].every(([id, task]) => differenceOf(task, recordById.get(id)) === "")
  );
}
