/** The cluster that the conformance suite works on, and the tasks that it submits. */
import type { CallOptions, Coordinator, OwnNode } from "../../src/coordinator/coordinator.ts";
import type { TaskSpec } from "../../src/protocol/model/types.ts";
import { Hands, type Start } from "./hands.ts";
import { taskSpec } from "../support/tasks.ts";

export const CALL: CallOptions = { timeoutMs: 60_000 };
export const text = (bytes: Uint8Array | null): string => new TextDecoder().decode(bytes ?? new Uint8Array());
export const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A task for the hands to take; its payload names its id. */
export function spec(id: string, more: Partial<TaskSpec> = {}): TaskSpec {
  const cid = Math.floor(Math.random() * 2 ** 50);
  return taskSpec(id, { name: "work", payload: bytes(`payload of ${id}`), cid, ...more });
}

/** Makes the coordinators of a cluster, each for its node. */
export type MakeCoordinators = (nodeAt: (at: number) => OwnNode) => Promise<readonly Coordinator[]>;

/** The coordinators of one cluster, each with hands. */
export class TestCluster {
  all: readonly Coordinator[] = [];
  hands: readonly Hands[] = [];
  #wake: () => void = () => {};

  async start(make: MakeCoordinators): Promise<void> {
    const hands: Hands[] = [];
    this.all = await make((at) => hands[at] ??= new Hands(() => this.any(at).control, () => this.#wake()));
    this.hands = hands;
    for (const each of hands) each.control.offer(20, ["work"], "up");
    await Promise.all(this.all.map((coordinator) => coordinator.ready()));
  }

  /** A coordinator; not always the same one, so that answers do not depend on which is asked. */
  any(at: number): Coordinator {
    return this.all[at % this.all.length] as Coordinator;
  }

  /** The next attempt at the task, wherever it runs. */
  async started(id: string): Promise<Start> {
    for (;;) {
      const found = this.hands.map((each) => each.take(id)).find((each) => each !== undefined);
      if (found) return found;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}
