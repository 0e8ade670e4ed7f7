/**
 * The port of a client that is no member: every call is a request to whichever member it is connected to, or
 * to another one when that can do nothing.
 */
import {
  ConflictError,
  ConnectError,
  NoQuorumError,
  StoppedError,
  TooOldError,
  UnknownOutcomeError,
} from "../base/errors.ts";
import { NodeClock } from "../base/node-clock.ts";
import type { ClusterHealth } from "../coordinator/cluster-health.ts";
import type {
  CallOptions,
  ClientPort,
  ListCursor,
  ListPage,
  NodeCommandRequest,
  NodeInfo,
  TaskEvent,
  TaskSnapshot,
} from "../coordinator/coordinator.ts";
import { EventFeed } from "../coordinator/event-feed.ts";
import type { CommandStatus, Outcome, SubmitStatus } from "../protocol/model/messages.ts";
import type { TaskMessage, TaskSpec, TaskState } from "../protocol/model/types.ts";
import { type RpcCall, type RpcConnection, unreachableError } from "./rpc-connection.ts";
import { packSpec, type RpcMethod } from "./rpc-messages.ts";

/** If the member runs out of time, its answer shall come before the client gives up. */
const GRACE_MS = 500;
/** Less time is not shared between two members. */
const SHARED_FROM_MS = 2000;

interface Request {
  readonly method: RpcMethod;
  /** As of now; `timeoutMs`: that the member has. */
  readonly args: (timeoutMs: number) => readonly unknown[];
  /** 0 = without end. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onItem?: (value: unknown) => void;
  /** The member that was asked is gone; the next one will be. */
  readonly onLost?: () => void;
  /** The error when it was sent and may have been done; `why` that is not known. */
  readonly unknown?: (why: string) => Error;
  /** The answer says that it was not done. */
  readonly isRefusal?: (value: unknown) => boolean;
}

export class RpcPort implements ClientPort {
  readonly #connection: RpcConnection;
  readonly #clock: NodeClock;

  constructor(connection: RpcConnection, clock: NodeClock = new NodeClock()) {
    this.#connection = connection;
    this.#clock = clock;
  }

  async submit(specs: readonly TaskSpec[], options: CallOptions): Promise<readonly SubmitStatus[]> {
    const unknown = (why: string): Error =>
      new UnknownOutcomeError(
        `Cannot know whether ${specs.length} tasks from ${JSON.stringify(specs[0]?.id)} on were recorded: ` +
          `${why}; submit again with the same id`,
        specs.map((spec) => spec.id),
      );
    const packed = specs.map(packSpec);
    // the lease clock: a task may end and be forgotten while this machine is suspended
    const firstSentMs = this.#clock.read().leaseMs;
    const args = (
      timeoutMs: number,
    ): unknown[] => [packed, timeoutMs, this.#clock.read().leaseMs - firstSentMs];
    return await this.#ask({ method: "submit", args, ...options, unknown }) as SubmitStatus[];
  }

  async outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    return await this.#ask({ method: "outcome", args: () => [id], timeoutMs: 0, signal }) as Outcome;
  }

  async get(id: string, options: CallOptions): Promise<TaskSnapshot | undefined> {
    const answer = await this.#ask({ method: "get", args: (timeoutMs) => [id, timeoutMs], ...options });
    return answer === null ? undefined : answer as TaskSnapshot;
  }

  async list(
    filter: { readonly state?: TaskState | undefined },
    from: ListCursor,
    options: CallOptions,
  ): Promise<ListPage> {
    const args = (timeoutMs: number): unknown[] => [filter.state ?? null, [from.p, from.after], timeoutMs];
    return await this.#ask({ method: "list", args, ...options }) as ListPage;
  }

  async command(
    id: string,
    cid: number,
    message: TaskMessage,
    options: CallOptions,
  ): Promise<CommandStatus> {
    const unknown = (why: string): Error =>
      new UnknownOutcomeError(
        `Cannot know whether the command to task ${JSON.stringify(id)} was recorded: ${why}`,
        [id],
      );
    const args = (timeoutMs: number): unknown[] => [id, cid, message, timeoutMs];
    const isRefusal = (value: unknown): boolean => value !== "applied" && value !== "queued";
    return await this.#ask({ method: "command", args, ...options, unknown, isRefusal }) as CommandStatus;
  }

  async nodes(options: CallOptions): Promise<readonly NodeInfo[]> {
    const args = (timeoutMs: number): unknown[] => [timeoutMs];
    return await this.#ask({ method: "nodes", args, ...options }) as NodeInfo[];
  }

  async health(options: CallOptions): Promise<ClusterHealth> {
    const args = (timeoutMs: number): unknown[] => [timeoutMs];
    return await this.#ask({ method: "health", args, ...options }) as ClusterHealth;
  }

  async commandNode(request: NodeCommandRequest, options: CallOptions): Promise<void> {
    const { node, command, cid } = request;
    const unknown = (why: string): Error =>
      new UnknownOutcomeError(
        `Cannot know whether node ${JSON.stringify(node)} carried out ${
          JSON.stringify(command.type)
        }: ${why}`,
      );
    const args = (timeoutMs: number): unknown[] => [node, command, cid, timeoutMs];
    await this.#ask({ method: "commandNode", args, ...options, unknown });
  }

  async *watch(signal: AbortSignal): AsyncGenerator<readonly TaskEvent[] | null> {
    const feed = new EventFeed<TaskEvent>();
    const ended = new AbortController();
    const failure: unknown[] = [];
    const events = feed.read(AbortSignal.any([signal, ended.signal]));
    const next = events.next();
    const onItem = (value: unknown): void => feed.publish(value as TaskEvent[] | null);
    const request: Request = { method: "watch", args: () => [], timeoutMs: 0, signal, onItem };
    this.#ask({ ...request, onLost: () => feed.publish(null) })
      .catch((error) => failure.push(error))
      .finally(() => ended.abort());
    for (let result = await next; !result.done; result = await events.next()) yield result.value;
    if (failure.length > 0 && !signal.aborted) throw failure[0];
  }

  /**
   * The first member has half of the time: when it can do nothing, another one has the rest. When the first
   * may have done it, it is asked again, under the same number.
   */
  async #ask(request: Request): Promise<unknown> {
    const { timeoutMs, signal } = request;
    if (timeoutMs < SHARED_FROM_MS) return await this.#askAt(this.#connection, request, timeoutMs);
    const endMs = performance.now() + timeoutMs;
    try {
      return await this.#askAt(this.#connection, request, Math.ceil(timeoutMs / 2));
    } catch (error) {
      const leftMs = endMs - performance.now();
      if (signal?.aborted || leftMs < SHARED_FROM_MS / 4) throw error;
      // one that had its time may still be answered; one that was told so at once will not be
      if (error instanceof UnknownOutcomeError && leftMs <= timeoutMs / 2) {
        return await this.#askAt(this.#connection, request, Math.floor(leftMs), 1);
      }
      if (!(error instanceof NoQuorumError || error instanceof ConnectError)) throw error;
      const other = await within(leftMs, signal, this.#connection.other());
      const restMs = Math.floor(endMs - performance.now());
      if (!other || restMs < 1) throw error;
      return await this.#askAt(other, request, restMs);
    }
  }

  /** `doubtCount`: calls before that may have done it. */
  #askAt(
    connection: RpcConnection,
    request: Request,
    timeoutMs: number,
    doubtCount = 0,
  ): Promise<unknown> {
    const { method, args, signal, onItem, unknown } = request;
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      const giveUp = (error: unknown): void => {
        forget();
        end();
        reject(error);
      };
      const onAbort = (): void => giveUp(signal?.reason);
      const onTimeout = (): void => {
        const isUnknown = call.sentCount > 0 && unknown;
        giveUp(isUnknown ? unknown(`no answer within ${request.timeoutMs} ms`) : unreachableError(timeoutMs));
      };
      const timer = timeoutMs > 0 ? setTimeout(onTimeout, timeoutMs + GRACE_MS) : undefined;
      const call: RpcCall = {
        method,
        args: () => args(timeoutMs),
        sentCount: doubtCount,
        item: (value) => onItem?.(value),
        lost: () => request.onLost?.(),
        settle: (value, error) => {
          end();
          const doubt = doubtOf(request, call.sentCount, value, error);
          if (doubt !== undefined) reject(doubt);
          else if (error === undefined) resolve(value);
          else reject(error);
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      const forget = connection.call(call);
    });
  }
}

/** What comes in time; null when nothing does, or it fails. */
function within<T>(ms: number, signal: AbortSignal | undefined, promise: Promise<T>): Promise<T | null> {
  return new Promise((resolve) => {
    const end = (value: T | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      resolve(value);
    };
    const onAbort = (): void => end(null);
    const timer = setTimeout(() => end(null), ms);
    signal?.addEventListener("abort", onAbort, { once: true });
    promise.then(end, () => end(null));
  });
}

/**
 * Errors that say as much of what other members did: that it is not known, or what stands in the record of
 * the task. Any other one is about the call at one member.
 */
const FINAL_ERRORS = [UnknownOutcomeError, ConflictError, TooOldError];

/**
 * That it was not done, the one who says so knows of itself alone: another member that was asked before, and
 * lost, may have done it.
 */
function doubtOf(
  { unknown, isRefusal }: Request,
  sentCount: number,
  value: unknown,
  error: unknown,
): Error | undefined {
  if (!unknown || sentCount === 0) return undefined;
  if (error instanceof StoppedError) return unknown("the client was closed before the answer");
  if (sentCount === 1) return undefined;
  const isFinal = error === undefined
    ? isRefusal?.(value) !== true
    : FINAL_ERRORS.some((each) => error instanceof each);
  if (isFinal) return undefined;
  const why = error instanceof Error ? ` (${error.message})` : "";
  return unknown(`a member that was asked was lost, and the next one refused it${why}`);
}
