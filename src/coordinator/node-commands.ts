/**
 * Commands to nodes that wait for their answer. One that gets no answer may have been carried out, unless its
 * node was never connected meanwhile.
 */
import type { Environment } from "../base/environment.ts";
import {
  ConnectError,
  NotFoundError,
  StateError,
  StoppedError,
  UnknownOutcomeError,
} from "../base/errors.ts";
import type { Input } from "../protocol/model/contract.ts";
import type { NodeCommand, NodeCommandStatus } from "../protocol/model/messages.ts";
import type { NodeId } from "../protocol/model/types.ts";
import type { CallOptions, NodeCommandRequest } from "./coordinator.ts";

interface Waiting {
  readonly request: NodeCommandRequest;
  readonly target: NodeId;
  /** It may have reached the node. */
  maybeSent: boolean;
  settle(error: unknown): void;
}

export interface NodeCommandsOptions {
  readonly environment: Environment;
  readonly push: (input: Input) => void;
  readonly diagnosis: NodeCommandsDiagnosis;
  /** What can be said against it before the node is asked; null: nothing. */
  readonly refusal: (node: NodeId, command: NodeCommand) => Error | null;
}

/** Who there is: of diagnosis.ts. */
export interface NodeCommandsDiagnosis {
  /** The member with that id or name; null when this node is in no cluster yet. */
  memberOf(nameOrId: string): NodeId | undefined | null;
  /** It is this node, or connected. */
  isConnected(node: NodeId): boolean;
}

export class NodeCommandCalls {
  readonly #options: NodeCommandsOptions;
  /** A client that lost its line may ask again before the first call has been given up. */
  readonly #waitingByCid: Map<number, Waiting[]> = new Map();

  constructor(options: NodeCommandsOptions) {
    this.#options = options;
  }

  call(request: NodeCommandRequest, { timeoutMs, signal }: CallOptions): Promise<void> {
    const { node, command, cid } = request;
    const { environment, push, diagnosis } = this.#options;
    if (signal?.aborted) return Promise.reject(signal.reason);
    const target = diagnosis.memberOf(node);
    if (target === null) {
      return Promise.reject(new ConnectError(`Cannot ${wordsOf(request)}: this node is in no cluster yet`));
    }
    if (target === undefined) {
      const message = `Cannot ${wordsOf(request)}: no member has the name or id ${JSON.stringify(node)}`;
      return Promise.reject(new NotFoundError(message));
    }
    const refusal = this.#options.refusal(target, command);
    if (refusal) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      const settle = (error: unknown): void => {
        environment.clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#forget(waiting);
        if (error === undefined) resolve();
        else reject(error);
      };
      const waiting: Waiting = { request, target, maybeSent: diagnosis.isConnected(target), settle };
      const onAbort = (): void => settle(signal?.reason);
      const onTimeout = (): void => settle(timeoutError(waiting, timeoutMs));
      const timer = environment.setTimeout(onTimeout, timeoutMs);
      signal?.addEventListener("abort", onAbort, { once: true });
      const same = this.#waitingByCid.get(cid);
      if (same) same.push(waiting);
      else this.#waitingByCid.set(cid, [waiting]);
      push({ type: "nodeCommand", cid, node: target, command });
    });
  }

  #forget(waiting: Waiting): void {
    const { cid } = waiting.request;
    const rest = this.#waitingByCid.get(cid)?.filter((each) => each !== waiting) ?? [];
    if (rest.length > 0) this.#waitingByCid.set(cid, rest);
    else if (this.#waitingByCid.delete(cid)) this.#options.push({ type: "nodeCommandCancel", cid });
  }

  /** A node came up: what waited may be sent now. */
  peersChanged(): void {
    const { diagnosis } = this.#options;
    for (const waiting of this.#all()) waiting.maybeSent ||= diagnosis.isConnected(waiting.target);
  }

  answered(cid: number, status: NodeCommandStatus): void {
    for (const waiting of this.#waitingByCid.get(cid) ?? []) {
      waiting.settle(ANSWERS[status](waiting.request));
    }
  }

  stop(): void {
    for (const { request, maybeSent, settle } of this.#all()) {
      settle(
        maybeSent
          ? new UnknownOutcomeError(`${whether(request)}: the node that passed it on stopped`)
          : new StoppedError(`Cannot ${wordsOf(request)}: the node stopped`),
      );
    }
  }

  #all(): Waiting[] {
    return [...this.#waitingByCid.values()].flat();
  }
}

function timeoutError({ request, maybeSent }: Waiting, timeoutMs: number): Error {
  if (maybeSent) return new UnknownOutcomeError(`${whether(request)}: no answer within ${timeoutMs} ms`);
  return new ConnectError(`Cannot ${wordsOf(request)}: it could not be reached within ${timeoutMs} ms`);
}

function missingError(request: NodeCommandRequest): NotFoundError {
  return new NotFoundError(`Cannot ${wordsOf(request)}: the task does not run there`);
}

function refusedError(request: NodeCommandRequest): StateError {
  return new StateError(
    `Cannot ${
      wordsOf(request)
    } now: it refuses, for as it sees the cluster one more loss would cost a quorum`,
  );
}

const ANSWERS: Readonly<Record<NodeCommandStatus, (request: NodeCommandRequest) => Error | undefined>> = {
  done: () => undefined,
  missing: missingError,
  refused: refusedError,
};

function whether({ node, command }: NodeCommandRequest): string {
  return `Cannot know whether node ${JSON.stringify(node)} carried out ${JSON.stringify(command.type)}`;
}

/** Completes "Cannot …". */
function wordsOf({ node, command }: NodeCommandRequest): string {
  const name = JSON.stringify(node);
  if (command.type === "stopTask") return `stop task ${JSON.stringify(command.id)} on node ${name}`;
  return command.type === "leave" ? `have node ${name} leave` : `${command.type} node ${name}`;
}
