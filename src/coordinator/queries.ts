/** Questions and commands that wait for a steward's answer, one partition each. */
import type { Input } from "../protocol/model/contract.ts";
import type { CommandStatus, TaskQuery, TaskView } from "../protocol/model/messages.ts";
import type { TaskMessage } from "../protocol/model/types.ts";
import type { Environment } from "../base/environment.ts";
import type { CallOptions } from "./coordinator.ts";
import { StoppedError } from "../base/errors.ts";

export interface QueryAnswer {
  readonly tasks: readonly TaskView[];
  readonly more: boolean;
}

interface Waiting {
  // what the answer is follows from what was asked under its number
  settle(answer: QueryAnswer | CommandStatus | undefined, error: unknown): void;
}

export interface QueriesOptions {
  readonly environment: Environment;
  readonly push: (input: Input) => void;
  readonly nextRid: () => number;
  readonly diagnosis: QueriesDiagnosis;
}

/** Why there is no answer: of diagnosis.ts. */
export interface QueriesDiagnosis {
  /** `attempt` completes "Cannot …". */
  noQuorum(p: number, attempt: string): Error;
  /** A command to the task was not answered in time. */
  unanswered(id: string, timeoutMs: number): Error;
}

export class Queries {
  readonly #options: QueriesOptions;
  readonly #waitingByRid: Map<number, Waiting> = new Map();

  constructor(options: QueriesOptions) {
    this.#options = options;
  }

  ask(p: number, query: TaskQuery, options: CallOptions): Promise<QueryAnswer> {
    const late = (): Error => this.#options.diagnosis.noQuorum(p, `read tasks of partition ${p}`);
    return this.#wait(options, late, (rid) => ({ type: "query", rid, p, query }));
  }

  command(id: string, cid: number, message: TaskMessage, options: CallOptions): Promise<CommandStatus> {
    const late = (): Error => this.#options.diagnosis.unanswered(id, options.timeoutMs);
    return this.#wait(options, late, (rid) => ({ type: "command", rid, id, cid, message }));
  }

  #wait<A extends QueryAnswer | CommandStatus>(
    { timeoutMs, signal }: CallOptions,
    late: () => Error,
    input: (rid: number) => Input,
  ): Promise<A> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { environment } = this.#options;
    const rid = this.#options.nextRid();
    return new Promise((resolve, reject) => {
      const settle: Waiting["settle"] = (answer, error) => {
        environment.clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#waitingByRid.delete(rid);
        if (answer) return resolve(answer as A);
        this.#options.push({ type: "cancel", rid });
        reject(error);
      };
      const onAbort = (): void => settle(undefined, signal?.reason);
      const timer = environment.setTimeout(() => settle(undefined, late()), timeoutMs);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waitingByRid.set(rid, { settle });
      this.#options.push(input(rid));
    });
  }

  answered(rid: number, answer: QueryAnswer | CommandStatus): void {
    this.#waitingByRid.get(rid)?.settle(answer, undefined);
  }

  stop(): void {
    for (const waiting of [...this.#waitingByRid.values()]) {
      waiting.settle(undefined, new StoppedError("Cannot ask the cluster: the node stopped"));
    }
  }
}
