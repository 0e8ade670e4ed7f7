/**
 * Watches the answers to clients and handlers: I6 an acked submit or settlement is chosen and never lost, I3
 * an accepted settlement took effect under its fence, outcomes and answers are those of chosen records.
 */
import type { CommandStatus, Message, Outcome, SubmitStatus, TaskView } from "../protocol/model/messages.ts";
import type { MemberNo, Settlement, TaskRequest, TaskSpec } from "../protocol/model/types.ts";
import {
  CallLedger,
  fitsRefusal,
  fitsSubmit,
  isVersion,
  type Listed,
  omissionOf,
  type Version,
  Versions,
  versionText,
} from "./oracle-answers.ts";
import { type ChosenState, isFinished } from "./oracle-model.ts";
import type { TimeOracle } from "./oracle-times.ts";
import { Violation } from "./violation.ts";

/** A node whose clients and handlers get answers. */
interface AnsweredNode {
  readonly no: number;
  readonly boot: number;
}

/** Where a task is, undefined when no submit of it was chosen, and what became of it. */
interface ChosenTasks {
  partitionOf(id: string): number | undefined;
  stateOf(p: number): ChosenState;
  knownIds(): Iterable<readonly [string, number]>;
}

/** A question, and the moment at which it was asked. */
export interface AskedSubmit {
  readonly spec: TaskSpec;
  readonly moment: number;
}
export interface AskedCommand {
  readonly id: string;
  readonly cid: number;
  readonly message: TaskRequest;
  readonly moment: number;
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
  /** Tasks that ran anew: a repeated report of an earlier end is refused as one of another fence. */
  readonly retried: Set<string> = new Set();
  readonly acked: Set<string> = new Set();
  readonly #times: TimeOracle;
  readonly #chosen: ChosenTasks;
  readonly #submits: CallLedger = new CallLedger();
  readonly #commands: CallLedger = new CallLedger();
  readonly #chosenSubmits: Set<string> = new Set();
  /** Submits that made a task in this cluster. */
  readonly #made: Set<string> = new Set();
  readonly #chosenCommands: Set<string> = new Set();
  readonly #effective: Map<string, string[]> = new Map();
  readonly #sent: Map<string, { readonly id: string; readonly settlement: Settlement }> = new Map();

  constructor(chosen: ChosenTasks, times: TimeOracle) {
    this.#chosen = chosen;
    this.#times = times;
  }

  // ---- submits -------------------------------------------------------------------------------------------

  asksSubmit(spec: TaskSpec): void {
    this.#submits.asked(submitKey(spec));
  }

  /** Of a cluster that this one was recovered from. */
  inherits(spec: TaskSpec): void {
    this.#chosenSubmits.add(submitKey(spec));
  }

  /** A submit took effect. */
  submitChosen(spec: TaskSpec, term: string): void {
    const key = submitKey(spec);
    if (this.#made.has(key)) {
      throw new Violation("I6", `${spec.id}: a copy of the submit that had made the task makes another one`);
    }
    this.#made.add(key);
    this.#chosenSubmits.add(key);
    complain(`submit ${spec.id}`, this.#submits.carriedOut(key, term));
  }

  submitted(node: AnsweredNode, { spec, moment }: AskedSubmit, status: SubmitStatus, p: number): void {
    const where = `submit ${spec.id} at n${node.no}`;
    const key = submitKey(spec);
    if (status === "created") {
      if (!this.#chosenSubmits.has(key)) throw new Violation("I6", `${where}: created, but it is not chosen`);
    } else this.#checkFits(where, status, spec.id, moment, (version) => fitsSubmit(version, spec, status));
    if (status === "tooOld") this.#times.refused(p, whoSent(spec), where);
    if (status === "created") this.#submits.accepted(key);
    else {
      const isForgotten = status === "tooOld" || this.purged.has(spec.id);
      complain(`${where}: ${status}`, this.#submits.refused(key, status, isForgotten));
    }
    if (status === "created" || status === "exists") this.acked.add(spec.id);
  }

  /** The answer must be right for a state that the task was in since the question. */
  #checkFits(
    where: string,
    status: string,
    id: string,
    moment: number,
    fits: (version: Version | null) => boolean,
  ): void {
    const versions = this.versions.since(id, moment);
    if (versions.some(fits)) return;
    const seen = versions.map(versionText).join(", ");
    throw new Violation("I6", `${where}: ${status}, but since the question the task was only: ${seen}`);
  }

  /** The client learns that nothing was sent. */
  submitNotSent(node: AnsweredNode, spec: TaskSpec): void {
    complain(
      `submit ${spec.id} at n${node.no}: not sent`,
      this.#submits.refused(submitKey(spec), "not sent"),
    );
  }

  // ---- commands ------------------------------------------------------------------------------------------

  asksCommand(id: string, cid: number): void {
    this.#commands.asked(`${id}/${cid}`);
  }

  /** A command took effect. */
  commandChosen(id: string, cid: number, term: string): void {
    this.#chosenCommands.add(`${id}/${cid}`);
    complain(`command ${cid} to ${id}`, this.#commands.carriedOut(`${id}/${cid}`, term));
  }

  commanded(node: AnsweredNode, { id, cid, message, moment }: AskedCommand, status: CommandStatus): void {
    const where = `command ${cid} to ${id} at n${node.no}`;
    const key = `${id}/${cid}`;
    if (status === "applied" || status === "queued") {
      if (!this.#chosenCommands.has(key)) {
        throw new Violation("I6", `${where}: answered ${status}, but it is not chosen`);
      }
      this.#commands.accepted(key);
      return;
    }
    const fits = (version: Version | null): boolean => fitsRefusal(version, message, status);
    this.#checkFits(`${where} (${message.type})`, status, id, moment, fits);
    complain(`${where}: ${status}`, this.#commands.refused(key, status, this.purged.has(id)));
  }

  /** The client learns that nothing was sent. */
  commandNotSent(node: AnsweredNode, { id, cid }: Pick<AskedCommand, "id" | "cid">): void {
    complain(
      `command ${cid} to ${id} at n${node.no}: not sent`,
      this.#commands.refused(`${id}/${cid}`, "not sent"),
    );
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
    const isPast = this.purged.has(id) || this.retried.has(id);
    if (!key.accepted && isFinal && isEffective && !isPast) {
      throw new Violation("I3", `${where}: ${type} refused, but it had its effect`);
    }
  }

  /**
   * A steward answers: whoever holds the very lease that is chosen is not refused, as long as it is a member
   * under the number that has it.
   */
  leaves(from: number, messages: readonly Message[], isMember: (no: MemberNo) => boolean): void {
    for (const message of messages) {
      if (message.type !== "settleReply") continue;
      const refused = message.items.filter(({ accepted }) => !accepted);
      if (refused.length === 0) continue;
      for (const [id, { state, session, fence }] of this.#chosen.stateOf(message.p).tasks) {
        if (state !== "leased" || !refused.some((item) => item.fence === fence)) continue;
        if (!isMember(session!.node)) continue;
        throw new Violation(
          "I3",
          `n${from} refuses a report of ${id} under fence ${fence}, its present lease`,
        );
      }
    }
  }

  /** A command did the same before: it was queued when the lease lapsed. */
  #isEndedAlike(p: number, id: string, type: Settlement["type"]): boolean {
    if (type !== "kill" && type !== "complete") return false;
    const state = this.#chosen.stateOf(p).tasks.get(id)?.state;
    return this.purged.has(id) || state === (type === "kill" ? "killed" : "completed");
  }

  // ---- reads ---------------------------------------------------------------------------------------------

  outcome(node: AnsweredNode, outcome: Outcome, moment: number): void {
    const { id, state, fence, result } = outcome;
    this.#checkFits(
      `outcome of ${id} at n${node.no}`,
      `${state} under fence ${fence}`,
      id,
      moment,
      (version) => {
        if (!version) return state === "unknown";
        return isFinished(version) && version.state === state && version.fence === fence &&
          String(version.result) === String(result);
      },
    );
  }

  /** `id` null: a page of a list. */
  answer(node: AnsweredNode, id: string | null, moment: number, tasks: readonly TaskView[]): void {
    for (const { record } of tasks) {
      const { id: seen } = record.spec;
      const read = `${record.state} ${record.fence} ${record.attempt}`;
      const fits = (version: Version | null): boolean => isVersion(record, version, id !== null);
      this.#checkFits(`n${node.no} read ${seen}`, read, seen, moment, fits);
    }
    if (id === null || tasks.length > 0) return;
    this.#checkFits(`n${node.no} read ${id}`, "none", id, moment, (version) => version === null);
  }

  /** All pages of a partition were read. */
  listed(node: AnsweredNode, listed: Listed): void {
    const ids = [...this.#chosen.knownIds()].filter(([, p]) => p === listed.p).map(([id]) => id);
    const omission = omissionOf(listed, ids, this.versions);
    if (omission !== "") throw new Violation("I6", `n${node.no} listed p${listed.p}: ${omission}`);
  }
}

/** What makes two submits the same one. */
function submitKey(spec: TaskSpec): string {
  return `${whoSent(spec)}/${spec.payload}`;
}

function complain(what: string, wrong: string): void {
  if (wrong !== "") throw new Violation("I6", `${what}: ${wrong}`);
}
