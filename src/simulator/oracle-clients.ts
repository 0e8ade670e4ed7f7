/**
 * Watches the answers to clients and handlers: I6 an acked submit or settlement is chosen and never lost, I3
 * an accepted settlement took effect under its fence, outcomes and answers are those of chosen records.
 */
import type { CommandStatus, Outcome, SubmitStatus, TaskView } from "../protocol/model/messages.ts";
import type { Settlement, TaskSpec } from "../protocol/model/types.ts";
import { type ChosenState, type ChosenTask, isFinished } from "./oracle-model.ts";
import type { TimeOracle } from "./oracle-times.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** A node whose clients and handlers get answers. */
interface AnsweredNode {
  readonly no: number;
  readonly boot: number;
}

/** Where a task is, undefined when no submit of it was chosen, and what became of it. */
interface ChosenTasks {
  partitionOf(id: string): number | undefined;
  stateOf(p: number): ChosenState;
}

/** Every state a task was in, in order: reads must return one of them. */
class Versions {
  readonly #texts: Map<string, string[]> = new Map();

  add(id: string, task: ChosenTask | undefined): void {
    const text = task ? versionText(task) : "none";
    const texts = this.#texts.get(id);
    if (texts) texts.push(text);
    else this.#texts.set(id, [text]);
  }

  countOf(id: string): number {
    return this.#texts.get(id)?.length ?? 0;
  }

  /** Whether the task was in that state when it had `count` versions, or later. */
  hasSince(id: string, count: number, text: string): boolean {
    if (count === 0 && text === "none") return true;
    return this.#texts.get(id)?.includes(text, Math.max(0, count - 1)) ?? false;
  }
}

function versionText(task: Pick<ChosenTask, "state" | "fence" | "attempt">): string {
  return `${task.state} ${task.fence} ${task.attempt}`;
}

/** Copies of one submit say the same. */
export function whoSent({ id, cid }: TaskSpec): string {
  return `${id}/${cid}`;
}

const ENDS = ["complete", "fail", "kill"];

interface SettleKey {
  readonly p: number;
  readonly id: string;
  readonly fence: number;
  readonly seq: number;
}

export class ClientOracle {
  readonly versions: Versions = new Versions();
  /** Tasks that were forgotten after their retention: earlier answers no longer bind. */
  readonly purged: Set<string> = new Set();
  readonly acked: Set<string> = new Set();
  readonly #world: World;
  readonly #times: TimeOracle;
  readonly #chosen: ChosenTasks;
  readonly #chosenCommands: Set<string> = new Set();
  readonly #effective: Map<string, string[]> = new Map();
  readonly #sent: Map<string, { readonly id: string; readonly settlement: Settlement }> = new Map();

  constructor(world: World, chosen: ChosenTasks, times: TimeOracle) {
    this.#world = world;
    this.#chosen = chosen;
    this.#times = times;
  }

  // ---- submits -------------------------------------------------------------------------------------------

  submitted(node: AnsweredNode, spec: TaskSpec, status: SubmitStatus, p: number): void {
    const where = `${spec.id} at n${node.no}`;
    const isPurged = this.purged.has(spec.id);
    if (status === "busy") return;
    if (status === "tooOld") {
      this.#times.refused(p, whoSent(spec), where);
      return;
    }
    const chosen = this.#chosen.stateOf(p).tasks.get(spec.id);
    if (!isPurged) {
      if (!chosen) throw new Violation("I6", `${where}: answered ${status}, but its submit is not chosen`);
      const isSame = String(chosen.spec.payload) === String(spec.payload);
      if (isSame === (status === "conflict")) throw new Violation("I6", `${where}: wrong answer ${status}`);
      const isRetry = chosen.spec.cid === spec.cid;
      if (isSame && isRetry !== (status === "created")) {
        throw new Violation("I6", `${where}: wrongly ${status}`);
      }
    }
    if (status !== "conflict") this.acked.add(spec.id);
  }

  // ---- commands ------------------------------------------------------------------------------------------

  /** A command is chosen. */
  commandChosen(id: string, cid: number): void {
    this.#chosenCommands.add(`${id}/${cid}`);
  }

  commanded(
    node: AnsweredNode,
    { id, cid, versionCount }: { readonly id: string; readonly cid: number; readonly versionCount: number },
    status: CommandStatus,
  ): void {
    const where = `command ${cid} to ${id} at n${node.no}`;
    const isRecorded = status === "applied" || status === "queued";
    if (isRecorded && !this.#chosenCommands.has(`${id}/${cid}`)) {
      throw new Violation("I6", `${where}: answered ${status}, but it is not chosen`);
    }
    if (status === "unknown" && versionCount > 0 && !this.purged.has(id)) {
      throw new Violation("I6", `${where}: unknown, but its submit was chosen before`);
    }
  }

  // ---- settlements ---------------------------------------------------------------------------------------

  settling(node: AnsweredNode, key: SettleKey, settlement: Settlement): void {
    this.#sent.set(this.#keyOf(node, key), { id: key.id, settlement });
  }

  #keyOf(node: AnsweredNode, { p, fence, seq }: SettleKey): string {
    return `${node.no}.${node.boot}/${p}/${fence}/${seq}`;
  }

  tookEffect(id: string, fence: number, settlement: Settlement): void {
    const key = `${id}/${fence}`;
    const before = this.#effective.get(key);
    if (before) before.push(settlement.type);
    else this.#effective.set(key, [settlement.type]);
  }

  settled(node: AnsweredNode, key: SettleKey & { readonly accepted: boolean }): void {
    const sent = this.#sent.get(this.#keyOf(node, key));
    const where = `p${key.p} ${sent?.id} fence ${key.fence} of n${node.no}`;
    if (!sent) throw new Violation("I3", `${where}: answer to a settlement that was never sent`);
    const { id } = sent;
    const { type } = sent.settlement;
    const effects = this.#effective.get(`${id}/${key.fence}`) ?? [];
    const isEffective = effects.includes(type);
    // a checkpoint that comes after the end may be waved through: there is nothing left to store it for
    const isReport = type === "checkpoint" || type === "ack" || type === "progress";
    const isTooLate = isReport && effects.some((each) => ENDS.includes(each));
    if (key.accepted && !isEffective && !isTooLate && !this.#isEndedAlike(key.p, id, type)) {
      throw new Violation("I3", `${where}: ${type} accepted, but it had no effect`);
    }
    const isFinal = type === "complete" || type === "fail";
    if (!key.accepted && isFinal && isEffective && !this.purged.has(id)) {
      throw new Violation("I3", `${where}: ${type} refused, but it had its effect`);
    }
  }

  /** A command did the same before: it was queued when the lease lapsed. */
  #isEndedAlike(p: number, id: string, type: Settlement["type"]): boolean {
    if (type !== "kill" && type !== "complete") return false;
    const state = this.#chosen.stateOf(p).tasks.get(id)?.state;
    return this.purged.has(id) || state === (type === "kill" ? "killed" : "completed");
  }

  // ---- reads ---------------------------------------------------------------------------------------------

  outcome(node: AnsweredNode, outcome: Outcome, versionCount: number): void {
    const { id, state } = outcome;
    const where = `outcome of ${id} at n${node.no}`;
    if (this.purged.has(id)) return;
    const p = this.#chosen.partitionOf(id);
    const chosen = p === undefined ? undefined : this.#chosen.stateOf(p).tasks.get(id);
    if (state === "unknown") {
      if (versionCount > 0) {
        throw new Violation("I6", `${where}: unknown, but it was chosen before the question`);
      }
      return;
    }
    if (!chosen || !isFinished(chosen) || chosen.state !== state || chosen.fence !== outcome.fence) {
      const record = chosen ? versionText(chosen) : "none";
      throw new Violation("I6", `${where}: ${state} under fence ${outcome.fence}, chosen is ${record}`);
    }
    if (String(chosen.result) !== String(outcome.result)) throw new Violation("I6", `${where}: wrong result`);
  }

  /** `id` null: the answer to a list. */
  answer(node: AnsweredNode, id: string | null, versionCount: number, tasks: readonly TaskView[]): void {
    for (const { record } of tasks) {
      const { id: seen } = record.spec;
      const since = id === null ? 0 : versionCount;
      if (!this.versions.hasSince(seen, since, versionText(record))) {
        throw new Violation(
          "I6",
          `n${node.no} read ${seen} as ${versionText(record)}, which is stale or never was`,
        );
      }
    }
    if (id !== null && tasks.length === 0 && !this.versions.hasSince(id, versionCount, "none")) {
      throw new Violation("I6", `n${node.no} found no ${id}, but it was chosen before the question`);
    }
  }
}
