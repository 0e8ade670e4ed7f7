/** The port of a client that is no member: every call is a request to whichever member it is connected to. */
import { BusyError, ConnectError, NoQuorumError, StoppedError, UnknownOutcomeError } from "../base/errors.ts";
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

interface Request {
  readonly method: RpcMethod;
  readonly args: readonly unknown[] | (() => readonly unknown[]);
  /** 0 = without end. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly onItem?: (value: unknown) => void;
  /** The error when it was sent and may have been done; `why` that is not known. */
  readonly unknown?: (why: string) => Error;
  /** The answer says that it was not done. */
  readonly isRefusal?: (value: unknown) => boolean;
}

export class RpcPort implements ClientPort {
  readonly #connection: RpcConnection;

  constructor(connection: RpcConnection) {
    this.#connection = connection;
  }

  async submit(specs: readonly TaskSpec[], options: CallOptions): Promise<readonly SubmitStatus[]> {
    const { timeoutMs } = options;
    const unknown = (why: string): Error =>
      new UnknownOutcomeError(
        `Cannot know whether ${specs.length} tasks from ${JSON.stringify(specs[0]?.id)} on were recorded: ` +
          `${why}; submit again with the same id`,
        specs.map((spec) => spec.id),
      );
    const packed = specs.map(packSpec);
    const firstSentMs = performance.now();
    const args = (): unknown[] => [packed, timeoutMs, performance.now() - firstSentMs];
    return await this.#ask({ method: "submit", args, ...options, unknown }) as SubmitStatus[];
  }

  async outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    return await this.#ask({ method: "outcome", args: [id], timeoutMs: 0, signal }) as Outcome;
  }

  async get(id: string, options: CallOptions): Promise<TaskSnapshot | undefined> {
    const answer = await this.#ask({ method: "get", args: [id, options.timeoutMs], ...options });
    return answer === null ? undefined : answer as TaskSnapshot;
  }

  async list(
    filter: { readonly state?: TaskState | undefined },
    from: ListCursor,
    options: CallOptions,
  ): Promise<ListPage> {
    const args = [filter.state ?? null, [from.p, from.after], options.timeoutMs];
    return await this.#ask({ method: "list", args, ...options }) as ListPage;
  }

  async command(
    id: string,
    cid: number,
    message: TaskMessage,
    options: CallOptions,
  ): Promise<CommandStatus> {
    const { timeoutMs } = options;
    const unknown = (why: string): Error =>
      new UnknownOutcomeError(
        `Cannot know whether the command to task ${JSON.stringify(id)} was recorded: ${why}`,
        [id],
      );
    const args = [id, cid, message, timeoutMs];
    const isRefusal = (value: unknown): boolean => value !== "applied" && value !== "queued";
    return await this.#ask({ method: "command", args, ...options, unknown, isRefusal }) as CommandStatus;
  }

  async nodes(options: CallOptions): Promise<readonly NodeInfo[]> {
    return await this.#ask({ method: "nodes", args: [options.timeoutMs], ...options }) as NodeInfo[];
  }

  async health(options: CallOptions): Promise<ClusterHealth> {
    return await this.#ask({ method: "health", args: [options.timeoutMs], ...options }) as ClusterHealth;
  }

  async commandNode(request: NodeCommandRequest, options: CallOptions): Promise<void> {
    const { node, command, cid } = request;
    const { timeoutMs } = options;
    const unknown = (why: string): Error =>
      new UnknownOutcomeError(
        `Cannot know whether node ${JSON.stringify(node)} carried out ${
          JSON.stringify(command.type)
        }: ${why}`,
      );
    await this.#ask({ method: "commandNode", args: [node, command, cid, timeoutMs], ...options, unknown });
  }

  async *watch(signal: AbortSignal): AsyncGenerator<readonly TaskEvent[]> {
    const feed = new EventFeed<TaskEvent>();
    const ended = new AbortController();
    const failure: unknown[] = [];
    const events = feed.read(AbortSignal.any([signal, ended.signal]));
    const next = events.next();
    const onItem = (value: unknown): void => feed.publish(value as TaskEvent[]);
    this.#ask({ method: "watch", args: [], timeoutMs: 0, signal, onItem }).catch((error) =>
      failure.push(error)
    )
      .finally(() => ended.abort());
    for (let result = await next; !result.done; result = await events.next()) yield result.value;
    if (failure.length > 0 && !signal.aborted) throw failure[0];
  }

  #ask(request: Request): Promise<unknown> {
    const { method, args, timeoutMs, signal, onItem, unknown } = request;
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
        giveUp(isUnknown ? unknown(`no answer within ${timeoutMs} ms`) : unreachableError(timeoutMs));
      };
      const timer = timeoutMs > 0 ? setTimeout(onTimeout, timeoutMs + GRACE_MS) : undefined;
      const call: RpcCall = {
        method,
        args: typeof args === "function" ? args : () => args,
        sentCount: 0,
        item: (value) => onItem?.(value),
        settle: (value, error) => {
          end();
          const doubt = doubtOf(request, call.sentCount, value, error);
          if (doubt !== undefined) reject(doubt);
          else if (error === undefined) resolve(value);
          else reject(error);
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      const forget = this.#connection.call(call);
    });
  }
}

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
  const isNotDone = error instanceof NoQuorumError || error instanceof ConnectError ||
    error instanceof BusyError || (error === undefined && isRefusal?.(value) === true);
  return isNotDone ? unknown("a member that was asked was lost, and the next one refused it") : undefined;
}
