/** Everything that waits for an answer of the engine: submits, outcomes, reads. */
import type { Ambient } from "../base/environment.ts";
import type { NoQuorumError } from "../base/errors.ts";
import type { Engine } from "../protocol/engine.ts";
import type { Effect, Input, OwnershipChange } from "../protocol/model/contract.ts";
import type { CommandStatus, NodeCommandStatus, Outcome, SubmitStatus } from "../protocol/model/messages.ts";
import type { MemberNo, NodeId, TaskMessage, TaskSpec, TaskState } from "../protocol/model/types.ts";
import type { CallOptions, ListCursor, ListPage, NodeOrder, TaskSnapshot } from "./coordinator.ts";
import { Listing } from "./listing.ts";
import { NodeCommandCalls } from "./node-commands.ts";
import { Outcomes } from "./outcomes.ts";
import { Queries } from "./queries.ts";
import { Submits } from "./submits.ts";

type Answer = Extract<Effect, { readonly type: "submitted" | "outcome" | "answer" | "commanded" }>;

/** What diagnosis.ts knows. */
export interface RequestsOutlook {
  isReachable(id: string): boolean;
  leaseRemainingMs(p: number, owner: MemberNo): number;
  noQuorum(p: number, attempt: string): NoQuorumError;
  cannotSubmit(id: string): NoQuorumError;
  trouble(id: string): string;
  /** A command to the task was not answered in time. */
  unanswered(id: string, timeoutMs: number): Error;
  memberOf(nameOrId: string): NodeId | undefined | null;
  isConnected(node: NodeId): boolean;
}

export interface ClientRequestsOptions {
  readonly push: (input: Input) => void;
  readonly engine: Engine;
  readonly ambient: Ambient;
  readonly partitionCount: number;
  readonly outlook: RequestsOutlook;
}

export class ClientRequests {
  /** Tasks that this node was asked to have recorded. */
  submitCount = 0;
  readonly #submits: Submits;
  readonly #outcomes: Outcomes;
  readonly #queries: Queries;
  readonly #listing: Listing;
  readonly #nodeCommands: NodeCommandCalls;

  constructor({ push, engine, ambient, partitionCount, outlook }: ClientRequestsOptions) {
    this.#submits = new Submits({
      push,
      ambient,
      isReachable: (id) => outlook.isReachable(id),
      noQuorum: (id) => outlook.cannotSubmit(id),
      trouble: (id) => outlook.trouble(id),
    });
    this.#outcomes = new Outcomes(push);
    this.#queries = new Queries({
      push,
      ambient,
      nextRid: () => this.#submits.nextRid(),
      noQuorum: (p) => outlook.noQuorum(p, `read tasks of partition ${p}`),
      unanswered: (id, timeoutMs) => outlook.unanswered(id, timeoutMs),
    });
    this.#nodeCommands = new NodeCommandCalls({
      push,
      ambient,
      memberOf: (nameOrId) => outlook.memberOf(nameOrId),
      isConnected: (node) => outlook.isConnected(node),
    });
    this.#listing = new Listing({
      queries: this.#queries,
      engine,
      partitionCount,
      leaseRemainingMs: (p, owner) => outlook.leaseRemainingMs(p, owner),
    });
  }

  submit(specs: readonly TaskSpec[], options: CallOptions): Promise<readonly SubmitStatus[]> {
    this.submitCount += specs.length;
    return this.#submits.submit(specs, options);
  }

  outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    return this.#outcomes.wait(id, signal);
  }

  command(id: string, cid: number, message: TaskMessage, options: CallOptions): Promise<CommandStatus> {
    return this.#queries.command(id, cid, message, options);
  }

  get(id: string, options: CallOptions): Promise<TaskSnapshot | undefined> {
    return this.#listing.get(id, options);
  }

  list(
    filter: { readonly state?: TaskState | undefined },
    from: ListCursor,
    options: CallOptions,
  ): Promise<ListPage> {
    return this.#listing.page(filter, from, options);
  }

  leased(p: number, signal: AbortSignal): Promise<OwnershipChange[]> {
    return this.#listing.leased(p, signal);
  }

  commandNode(order: NodeOrder, options: CallOptions): Promise<void> {
    return this.#nodeCommands.call(order, options);
  }

  nodeCommandAnswered(cid: number, status: NodeCommandStatus): void {
    this.#nodeCommands.answered(cid, status);
  }

  /** A steward was heard of, or a node came up. */
  stewardsChanged(): void {
    this.#submits.stewardsChanged();
    this.#nodeCommands.peersChanged();
  }

  take(effect: Answer): void {
    switch (effect.type) {
      case "submitted":
        return this.#submits.answered(effect.rid, effect.status);
      case "outcome":
        return this.#outcomes.ended(effect.outcome);
      case "commanded":
        return this.#queries.answered(effect.rid, effect.status);
      case "answer":
        return this.#queries.answered(effect.rid, effect);
      default:
        return effect satisfies never;
    }
  }

  stop(): void {
    this.#submits.stop();
    this.#outcomes.stop();
    this.#queries.stop();
    this.#nodeCommands.stop();
  }
}
