/**
 * The coordinator of a simulated node. A handler that asks something and whose node crashes meanwhile never
 * gets an answer, not even an error: its process is gone. Everybody else is told that the node stopped.
 */
import type { CallOptions, ListCursor, ListPage, TaskSnapshot } from "../../coordinator/coordinator.ts";
import { HostedCoordinator } from "../../coordinator/hosted-coordinator.ts";
import type { Outcome, SubmitStatus } from "../../protocol/messages.ts";
import type { TaskSpec, TaskState } from "../../protocol/types.ts";
import { currentLife } from "./life.ts";

export class MortalCoordinator extends HostedCoordinator {
  override submit(specs: readonly TaskSpec[], options: CallOptions): Promise<readonly SubmitStatus[]> {
    return whileAlive(super.submit(specs, options));
  }

  override outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    return whileAlive(super.outcome(id, signal));
  }

  override get(id: string, options: CallOptions): Promise<TaskSnapshot | undefined> {
    return whileAlive(super.get(id, options));
  }

  override list(
    filter: { readonly state?: TaskState | undefined },
    from: ListCursor,
    options: CallOptions,
  ): Promise<ListPage> {
    return whileAlive(super.list(filter, from, options));
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
