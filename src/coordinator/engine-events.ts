/** What the engine tells of itself and the cluster, passed on to the parts of a node that it concerns. */
import type { Ambient } from "../base/environment.ts";
import { StoppedError } from "../base/errors.ts";
import type { EngineEvent } from "../protocol/model/contract.ts";
import type { NodeCommand, NodeCommandStatus } from "../protocol/model/messages.ts";
import type { ClientRequests } from "./client-requests.ts";
import type { Hearsay } from "./cluster-view.ts";
import type { CoordinatorEvent } from "./coordinator.ts";
import type { EngineHost } from "./engine-host.ts";
import type { Transport } from "./transport.ts";

export interface EngineEventsOptions {
  readonly host: EngineHost;
  readonly ambient: Ambient;
  readonly transport: Transport | null;
  readonly hearsay: Hearsay;
  readonly requests: ClientRequests;
  readonly emit: (event: CoordinatorEvent) => void;
}

export class EngineEvents {
  readonly #options: EngineEventsOptions;
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  isReady = false;
  /** Who does what others ask of this node. */
  obey: ((command: NodeCommand) => NodeCommandStatus) | null = null;

  constructor(options: EngineEventsOptions) {
    this.#options = options;
    this.#ready.promise.catch(() => {});
  }

  ready(signal?: AbortSignal): Promise<void> {
    return signal ? abortable(this.#ready.promise, signal) : this.#ready.promise;
  }

  stop(): void {
    this.obey = null;
    this.#ready.reject(new StoppedError("Cannot wait for the cluster: the node stopped"));
  }

  take(event: EngineEvent): void {
    const { transport, hearsay, requests, ambient, emit } = this.#options;
    switch (event.type) {
      case "roster":
        return transport?.setCluster(event.isSettled ? event.roster.cluster : "");
      case "left":
        this.isReady = false;
        return emit({ type: "left", why: event.why });
      case "refused":
        return emit(event);
      case "ready":
        this.isReady = true;
        hearsay.tick();
        emit(event);
        return this.#ready.resolve();
      case "quorum":
        return emit(event);
      case "steward":
        hearsay.stewardIs(event.p, event.node);
        return requests.stewardsChanged();
      case "rejected":
        return emit({ type: "rejected", peer: event.from, reason: event.reason });
      case "ownership":
        return hearsay.own(event.p, event.changes);
      case "nodeCommand":
        // after everything has left, like handlers
        return void ambient.setImmediate(() => this.#do(event.cid, event.command));
      case "nodeCommandAnswered":
        return requests.nodeCommandAnswered(event.cid, event.status);
      case "condemned":
        return;
      default:
        return event satisfies never;
    }
  }

  #do(cid: number, command: NodeCommand): void {
    if (!this.obey) return;
    this.#options.host.push({ type: "nodeCommandDone", cid, status: this.obey(command) });
  }
}

// ---- waiting that a signal may end ------------------------------------------------------------------------
// Waiting that a signal may end.

/** Settles like the promise, or rejects with the signal's reason when that aborts first. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
