/**
 * The coordinator of a simulated node. A handler that asks something and whose node crashes meanwhile never
 * gets an answer, not even an error: its process is gone. Everybody else gets an error that the node stopped,
 * and a warning when they wait while nobody lets time pass.
 */
import type {
  CallOptions,
  ListCallOptions,
  ListCursor,
  ListPage,
  TaskSnapshot,
} from "../coordinator/coordinator.ts";
import { HostedCoordinator, type HostedCoordinatorOptions } from "../coordinator/hosted-coordinator.ts";
import type { Outcome, SubmitStatus } from "../protocol/model/messages.ts";
import type { TaskFilter } from "../protocol/model/task-filter.ts";
import type { TaskSpec } from "../protocol/model/types.ts";
import { currentLife, type Life } from "./life.ts";
import type { VirtualTime } from "./virtual-time.ts";
import { warnIfStuck } from "./waiting.ts";

export class MortalCoordinator extends HostedCoordinator {
  readonly #time: VirtualTime;

  constructor(options: HostedCoordinatorOptions & { readonly environment: Life }) {
    super(options);
    this.#time = options.environment.time;
  }

  override submit(specs: readonly TaskSpec[], options: CallOptions): Promise<readonly SubmitStatus[]> {
    return this.#asked("a submit", super.submit(specs, options));
  }

  override outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    return this.#asked(`the end of task ${JSON.stringify(id)}`, super.outcome(id, signal));
  }

  override get(id: string, options: CallOptions): Promise<TaskSnapshot | undefined> {
    return this.#asked(`task ${JSON.stringify(id)}`, super.get(id, options));
  }

  override list(
    filter: TaskFilter,
    from: ListCursor,
    options: ListCallOptions,
  ): Promise<ListPage> {
    return this.#asked("a list of tasks", super.list(filter, from, options));
  }

  override ready(signal?: AbortSignal): Promise<void> {
    return this.#asked("the cluster to serve", super.ready(signal));
  }

  #asked<T>(what: string, promise: Promise<T>): Promise<T> {
    if (currentLife()) return whileAlive(promise);
    warnIfStuck(this.#time, what, promise);
    return promise;
  }
}

/** Settles like the promise, unless the node that asked has crashed by then. */
export function whileAlive<T>(promise: Promise<T>): Promise<T> {
  const life = currentLife();
  if (!life) return promise;
  return new Promise((resolve, reject) => {
    promise.then(
      (value) => life.enter(() => resolve(value)),
      (error) => life.enter(() => reject(error)),
    );
  });
}
