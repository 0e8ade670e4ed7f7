/**
 * The sequential model of one task that answers are judged by: every state that it was in, in the order in
 * which they were chosen. An answer must be what one of them says that was current between the question and
 * the answer. And a call that was refused must never be carried out, nor one that was said not to be sent.
 */
import type { CommandStatus, SubmitStatus } from "../protocol/model/messages.ts";
import type { TaskMessage, TaskRecord, TaskSpec } from "../protocol/model/types.ts";
import { type ChosenTask, isFinished } from "./oracle-model.ts";

/** A task as answers show it. */
export interface Version {
  readonly spec: TaskSpec;
  readonly state: string;
  readonly fence: number;
  readonly attempt: number;
  readonly errorCount: number;
  readonly queuedCount: number;
  /** Beside those it waits that its time is over. */
  readonly isTold: boolean;
  readonly result: Uint8Array | null;
  readonly checkpoint: Uint8Array | null;
  readonly progress: Uint8Array | null;
}

interface Numbered {
  readonly no: number;
  /** Null: there was no such task. */
  readonly version: Version | null;
}

/** Every state that tasks were in. They are numbered through, so that a number is a moment. */
export class Versions {
  readonly #byId: Map<string, Numbered[]> = new Map();
  #lastNo = 0;

  /** The moment of a question. */
  get now(): number {
    return this.#lastNo;
  }

  add(id: string, task: ChosenTask | undefined): void {
    const numbered = { no: ++this.#lastNo, version: task ? versionOf(task) : null };
    const known = this.#byId.get(id);
    if (known) known.push(numbered);
    else this.#byId.set(id, [numbered]);
  }

  /** What was current then, and all that came after it. */
  since(id: string, moment: number): readonly (Version | null)[] {
    const all = this.#byId.get(id) ?? [];
    let first = all.length;
    while (first > 0 && all[first - 1]!.no > moment) first--;
    const later = all.slice(Math.max(0, first - 1)).map(({ version }) => version);
    return first === 0 ? [null, ...later] : later;
  }
}

function versionOf(task: ChosenTask): Version {
  const { spec, state, fence, attempt, result, checkpoint, progress } = task;
  return {
    ...{ spec, state, fence, attempt, result, checkpoint, progress },
    errorCount: task.errors.length,
    queuedCount: task.line.length,
    isTold: task.state === "leased" && task.toldOver > 0,
  };
}

/** In words, for people. */
export function versionText(version: Version | null): string {
  return version ? `${version.state} ${version.fence} ${version.attempt}` : "none";
}

/** A record that was read is that version. Lists show no contents. */
export function isVersion(record: TaskRecord, version: Version | null, hasContents: boolean): boolean {
  if (!version) return false;
  const isSame = record.state === version.state && record.fence === version.fence &&
    record.attempt === version.attempt && record.errors.length === version.errorCount &&
    (record.commands?.queued.length ?? 0) === version.queuedCount + Number(version.isTold) &&
    record.spec.cid === version.spec.cid &&
    String(record.progress) === String(version.progress);
  if (!isSame || !hasContents) return isSame;
  return String(record.result) === String(version.result) &&
    String(record.checkpoint) === String(version.checkpoint) &&
    String(record.spec.payload) === String(version.spec.payload);
}

/** The answer to a submit is right when the task is like that. */
export function fitsSubmit(version: Version | null, spec: TaskSpec, status: SubmitStatus): boolean {
  if (!version) return status === "tooOld";
  const isSame = version.spec.name === spec.name && String(version.spec.payload) === String(spec.payload);
  if (!isSame) return status === "conflict";
  return status === (version.spec.cid === spec.cid ? "created" : "exists");
}

const COMMANDS_WAITING_MAX = 64;

/** The refusal of a command is right when the task is like that. */
export function fitsRefusal(
  version: Version | null,
  type: TaskMessage["type"],
  status: CommandStatus,
): boolean {
  if (!version) return status === "unknown";
  if (isFinished(version)) return status === "ended";
  if (status === "busy") return version.state === "leased" && version.queuedCount >= COMMANDS_WAITING_MAX;
  return status === "invalid" && !isAllowed(version.state, type);
}

/** Metafora's table as rules, for tasks that have not ended. */
function isAllowed(state: string, type: TaskMessage["type"]): boolean {
  if (state === "paused") return type !== "error" && type !== "complete";
  return state !== "sleeping" || type !== "complete";
}

interface Calls {
  /** Not answered, or given up: they may still be carried out. */
  openCount: number;
  askedCount: number;
  isAccepted: boolean;
  isCarriedOut: boolean;
  /** The term in which it was. */
  term: string;
  /** The last answer. */
  said: string;
}

/** What was asked for, by what makes two calls the same one: a refusal is as final as an acceptance. */
export class CallLedger {
  readonly #byKey: Map<string, Calls> = new Map();

  #of(key: string): Calls {
    let calls = this.#byKey.get(key);
    if (!calls) {
      calls = { openCount: 0, askedCount: 0, isAccepted: false, isCarriedOut: false, term: "", said: "" };
      this.#byKey.set(key, calls);
    }
    return calls;
  }

  asked(key: string): void {
    const calls = this.#of(key);
    calls.openCount++;
    calls.askedCount++;
  }

  accepted(key: string): void {
    const calls = this.#of(key);
    calls.openCount--;
    calls.isAccepted = true;
  }

  /**
   * In words what is wrong with that; "" when nothing is. `isForgotten`: it may have been carried out by a
   * first copy, and its record is gone.
   */
  refused(key: string, said: string, isForgotten = false): string {
    const calls = this.#of(key);
    calls.openCount--;
    calls.said = said;
    const isWrong = calls.openCount === 0 && calls.isCarriedOut && !calls.isAccepted && !isForgotten;
    return isWrong ? "it was carried out all the same" : "";
  }

  /** It took effect: in words what is wrong with that; "" when nothing is. */
  carriedOut(key: string, term: string): string {
    const calls = this.#of(key);
    // the next steward cannot know of a task that is forgotten
    const isAgain = calls.isCarriedOut && calls.term === term;
    calls.isCarriedOut = true;
    calls.term = term;
    if (isAgain && calls.askedCount === 1) return "was carried out twice in one term, and was asked for once";
    if (calls.openCount > 0) return "";
    return `was carried out ${calls.isAccepted ? "again" : `after the answer "${calls.said}"`}`;
  }
}

/** What one call saw of a partition, page by page. */
export interface Listed {
  readonly p: number;
  /** "" = any. */
  readonly state: string;
  /** When the first page was asked for. */
  readonly moment: number;
  readonly ids: string[];
}

/** In words what a full listing misses or has twice; "" when nothing. Tasks that changed prove nothing. */
export function omissionOf(listed: Listed, ids: Iterable<string>, versions: Versions): string {
  const counts: Map<string, number> = new Map();
  for (const id of listed.ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const id of ids) {
    const [version, ...later] = versions.since(id, listed.moment);
    if (!version || later.length > 0) continue;
    const due = listed.state === "" || listed.state === version.state ? 1 : 0;
    const count = counts.get(id) ?? 0;
    if (count !== due) return `${id}, ${version.state} all the time, is in it ${count} times, not ${due}`;
  }
  return "";
}
