/** Questions and commands that wait for a steward's answer, one partition each. */
import type { Input } from "../protocol/model/contract.ts";
import type { CommandStatus, TaskView } from "../protocol/model/messages.ts";
import type { TaskQuery } from "../protocol/model/task-filter.ts";
import type { AgreedRetention, TaskRequest } from "../protocol/model/types.ts";
import type { Environment } from "../base/environment.ts";
import type { CallOptions } from "./coordinator.ts";
import { StoppedError } from "../base/errors.ts";

export interface QueryAnswer {
  readonly tasks: readonly TaskView[];
  readonly more: boolean;
  readonly timeMs: number;
  readonly retention: AgreedRetention | null;
}

interface Waiting {
  // what the answer is follows from what was asked under its number
  settle(answer: QueryAnswer | CommandStatus | undefined, error: unknown): void;
  /** Why there is no answer, when the node stops. */
  readonly stopped: () => Error;
}

/** Errors for what is not answered, by the number of the question. */
interface Failures {
  readonly late: (rid: number) => Error;
  readonly stopped: (rid: number) => Error;
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
  /** No copy of the command has left for a steward. */
  isUnsent(rid: number): boolean;
  cannotCommand(id: string): Error;
  /** A command to the task may have been recorded; `why` there is no answer. */
  unknownCommand(id: string, why: string): Error;
}

export class Queries {
  readonly #options: QueriesOptions;
  readonly #waitingByRid: Map<number, Waiting> = new Map();

  constructor(options: QueriesOptions) {
    this.#options = options;
  }

  ask(p: number, query: TaskQuery, options: CallOptions): Promise<QueryAnswer> {
    const late = (): Error => this.#options.diagnosis.noQuorum(p, `read tasks of partition ${p}`);
    return this.#wait(options, { late, stopped: stoppedError }, (rid) => ({ type: "query", rid, p, query }));
  }

  /** `p`: what it is for, if that is no task. */
  command(
    id: string,
    cid: number,
    message: TaskRequest,
    options: CallOptions & { readonly p?: number },
  ): Promise<CommandStatus> {
    const { p } = options;
    const { diagnosis } = this.#options;
    const late = (rid: number): Error => {
      if (diagnosis.isUnsent(rid)) return diagnosis.cannotCommand(id);
      return diagnosis.unknownCommand(id, `no answer within ${options.timeoutMs} ms`);
    };
    const stopped = (rid: number): Error => {
      if (diagnosis.isUnsent(rid)) return stoppedError();
      return diagnosis.unknownCommand(id, "the node stopped before the answer");
    };
    return this.#wait(options, { late, stopped }, (rid) => {
      const input = { type: "command", rid, id, cid, message } as const;
      return p === undefined ? input : { ...input, p };
    });
  }

  #wait<A extends QueryAnswer | CommandStatus>(
    { timeoutMs, signal }: CallOptions,
    { late, stopped }: Failures,
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
      const timer = environment.setTimeout(() => settle(undefined, late(rid)), timeoutMs);
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#waitingByRid.set(rid, { settle, stopped: () => stopped(rid) });
      this.#options.push(input(rid));
    });
  }

  answered(rid: number, answer: QueryAnswer | CommandStatus): void {
    this.#waitingByRid.get(rid)?.settle(answer, undefined);
  }

  stop(): void {
    for (const waiting of [...this.#waitingByRid.values()]) {
      waiting.settle(undefined, waiting.stopped());
    }
  }
}

function stoppedError(): StoppedError {
  return new StoppedError("Cannot ask the cluster: the node stopped");
}
