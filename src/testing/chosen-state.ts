/**
 * The oracle's own idea of what chosen operations do to the tasks of a partition. Written apart from the
 * protocol's state machine, so that a mistake there shows as a difference.
 */
import type { Ballot, Operation, SessionId, TaskRecord, TaskSpec } from "../protocol/types.ts";

export interface ChosenTask {
  readonly spec: TaskSpec;
  state: string;
  session: SessionId | null;
  fence: number;
  attempt: number;
  errorCount: number;
  result: Uint8Array | null;
  checkpoint: Uint8Array | null;
}

/** What an operation did. */
export interface Change {
  readonly ids: readonly string[];
  /** The operation leased a task, settled one for good, or took leases back. */
  readonly kind: "none" | "submitted" | "leased" | "settled" | "reverted" | "purged";
}

const NO_CHANGE: Change = { ids: [], kind: "none" };

export class ChosenState {
  readonly tasks: Map<string, ChosenTask> = new Map();
  readonly #condemned: Map<string, number> = new Map();
  readonly #finished: string[] = [];

  apply(index: number, op: Operation): Change {
    switch (op.type) {
      case "noop":
        return NO_CHANGE;
      case "submit":
        return this.#submit(op.spec, op.atMs);
      case "lease": {
        const task = this.tasks.get(op.id);
        if (!task || (task.state !== "pending" && task.state !== "sleeping")) return NO_CHANGE;
        if ((this.#condemned.get(ownerOf(op.session)) ?? 0) >= op.session.n) return NO_CHANGE;
        Object.assign(task, {
          state: "leased",
          session: op.session,
          fence: index,
          attempt: task.attempt + 1,
        });
        return { ids: [op.id], kind: "leased" };
      }
      case "settle":
        return this.#settle(op);
      case "condemn": {
        const owner = ownerOf(op.session);
        this.#condemned.set(owner, Math.max(op.session.n, this.#condemned.get(owner) ?? 0));
        return NO_CHANGE;
      }
      case "revert":
        return this.#revert(op.session);
      case "purge": {
        const ids = this.#finished.splice(0, op.count);
        for (const id of ids) this.tasks.delete(id);
        return { ids, kind: "purged" };
      }
      default:
        return op satisfies never;
    }
  }

  #submit(spec: TaskSpec, atMs: number): Change {
    if (this.tasks.has(spec.id)) return NO_CHANGE;
    this.tasks.set(spec.id, {
      spec,
      state: spec.runAtMs > atMs ? "sleeping" : "pending",
      session: null,
      fence: 0,
      attempt: 0,
      errorCount: 0,
      result: null,
      checkpoint: null,
    });
    return { ids: [spec.id], kind: "submitted" };
  }

  #settle(op: Extract<Operation, { readonly type: "settle" }>): Change {
    const task = this.tasks.get(op.id);
    if (task?.state !== "leased" || task.fence !== op.fence) return NO_CHANGE;
    const { settlement } = op;
    if (settlement.type === "checkpoint") task.checkpoint = settlement.state;
    else if (settlement.type === "release") task.state = "pending";
    else if (settlement.type === "error") {
      task.errorCount++;
      task.state = settlement.wakeAtMs > op.atMs ? "sleeping" : "pending";
    } else {
      if (settlement.type === "complete") task.result = settlement.result;
      else task.errorCount++;
      task.state = settlement.type === "complete" ? "completed" : "failed";
      this.#finished.push(op.id);
    }
    return { ids: [op.id], kind: "settled" };
  }

  #revert(session: SessionId): Change {
    const ids: string[] = [];
    for (const [id, task] of this.tasks) {
      const held = task.session;
      if (task.state !== "leased" || !held || ownerOf(held) !== ownerOf(session) || held.n > session.n) {
        continue;
      }
      task.state = "pending";
      task.errorCount++;
      ids.push(id);
    }
    return { ids, kind: "reverted" };
  }
}

function ownerOf(session: SessionId): string {
  return `${session.node}:${session.boot}`;
}

export function isFinished(task: { readonly state: string }): boolean {
  return task.state === "completed" || task.state === "failed" || task.state === "killed";
}

/** In words where a keeper's copy of a task differs from the chosen one; "" when it does not. */
export function differenceOf(chosen: ChosenTask | undefined, copy: TaskRecord | undefined): string {
  if (!chosen || !copy) return chosen === copy ? "" : copy ? "it should not exist" : "it is missing";
  const wrong: string[] = [];
  const compare = (what: string, a: unknown, b: unknown): void => {
    if (a !== b) wrong.push(`${what} should be ${a}, got ${b}`);
  };
  compare("state", chosen.state, copy.state);
  compare("fence", chosen.fence, copy.fence);
  compare("attempt", chosen.attempt, copy.attempt);
  compare("session", sessionText(chosen.session), sessionText(copy.session));
  compare("errors", Math.min(chosen.errorCount, 3), Math.min(copy.errors.length, 3));
  compare("payload", String(chosen.spec.payload), String(copy.spec.payload));
  compare("result", String(chosen.result), String(copy.result));
  compare("checkpoint", String(chosen.checkpoint), String(copy.checkpoint));
  return wrong.join("; ");
}

export function sessionText(session: SessionId | null): string {
  return session ? `${session.node}.${session.boot}.${session.n}` : "-";
}

export function ballotText(ballot: Ballot | null): string {
  return ballot ? `${ballot.cfg}.${ballot.counter}.${ballot.node}.${ballot.boot}` : "-";
}

/** Order of ballots: below 0 when `a` is the lower. */
export function ballotOrder(a: Ballot | null, b: Ballot | null): number {
  if (!a || !b) return Number(a !== null) - Number(b !== null);
  return a.cfg - b.cfg || a.counter - b.counter || a.node - b.node || a.boot - b.boot;
}
