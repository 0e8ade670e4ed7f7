/** Serves one non-member on its stream: any member does, by asking the cluster as its own client would. */
import { messageOf } from "../task/message.ts";
import type { ClientPort, ListCursor } from "../coordinator/coordinator.ts";
import { BusyError, VersionMismatchError } from "../base/errors.ts";
import type { ClientStream } from "../mesh/mesh-types.ts";
import type { TaskState } from "../protocol/model/types.ts";
import { TASK_STATES } from "./client.ts";
import { unpackNodeCommandRequest } from "./commands.ts";
import { decodeRpc, packError, type RpcMessage, unpackSpec } from "./rpc-messages.ts";
import { RpcOutbox } from "./rpc-connection.ts";
import { checkId } from "./submission.ts";

/** How many requests of one client may wait: a bound on what a stranger can make a member remember. */
const REQUESTS_MAX = 100_000;
const TIMEOUT_MAX_MS = 2 ** 31 - 1;
/** A client that does not read loses hints first. */
const ITEMS_WAITING_MAX = 1000;

/** What serves; a client leaves it for another member when it stops, or cannot record anything. */
export type ServingPort = ClientPort & {
  readonly stopped: AbortSignal;
  readonly isHindered?: boolean;
  /** A client was cut off for what it sent. */
  rejected?(peer: string, reason: string): void;
};

/** Until the client is gone. */
export function serveClient(stream: ClientStream, port: ServingPort): void {
  void new Session(stream, port).run();
}

class Session {
  readonly #stream: ClientStream;
  readonly #port: ServingPort;
  readonly #outbox: RpcOutbox;
  readonly #gone: AbortController = new AbortController();
  readonly #open: Map<number, AbortController> = new Map();

  constructor(stream: ClientStream, port: ServingPort) {
    this.#stream = stream;
    this.#port = port;
    this.#outbox = new RpcOutbox((frame) => stream.send(frame), () => this.#end());
  }

  async run(): Promise<void> {
    try {
      for await (const frame of this.#stream.messages) {
        for (const message of this.#messagesOf(frame)) void this.#serve(message);
      }
    } catch {
      // garbage, or the connection broke: either way the client is gone
    }
    this.#end();
  }

  #messagesOf(frame: Uint8Array): readonly RpcMessage[] {
    try {
      return decodeRpc(frame);
    } catch (error) {
      this.#port.rejected?.(this.#stream.peer, "a client's frame that holds no requests");
      throw error;
    }
  }

  #end(): void {
    if (this.#gone.signal.aborted) return;
    this.#gone.abort();
    for (const request of this.#open.values()) request.abort();
    this.#open.clear();
    this.#stream.close();
  }

  async #serve([rid, method, args]: RpcMessage): Promise<void> {
    // other members can answer: the client asks, or at least pings, as long as it waits for something
    if (this.#port.isHindered) return this.#end();
    if (method === "cancel") {
      this.#open.get(rid)?.abort();
      return;
    }
    const request = new AbortController();
    try {
      if (this.#open.size >= REQUESTS_MAX) {
        throw new BusyError(`Cannot serve more than ${REQUESTS_MAX} requests of one client at once`);
      }
      this.#open.set(rid, request);
      const value = await this.#answer(rid, method, args, request.signal);
      this.#outbox.push([rid, "ok", value]);
    } catch (error) {
      // no answer: the client asks the next member, and whatever it asks may be asked twice
      if (this.#port.stopped.aborted) this.#end();
      else if (!request.signal.aborted) this.#outbox.push([rid, "error", packError(error)]);
    } finally {
      this.#open.delete(rid);
    }
  }

  async #answer(rid: number, method: string, args: unknown, signal: AbortSignal): Promise<unknown> {
    const [first, second, third, fourth] = Array.isArray(args) ? args as unknown[] : [];
    switch (method) {
      case "submit": {
        if (!Array.isArray(first)) throw new TypeError("Cannot submit: tasks must be a list");
        const specs = first.map(unpackSpec);
        for (const { id } of specs) checkId("submit a task", id);
        return await this.#port.submit(specs, { timeoutMs: timeoutOf(second), ageMs: ageOf(third), signal });
      }
      case "outcome":
        checkId("wait for a task", first);
        return await this.#port.outcome(first as string, signal);
      case "get":
        checkId("read a task", first);
        return await this.#port.get(first as string, { timeoutMs: timeoutOf(second), signal }) ?? null;
      case "list": {
        const state = first === null ? undefined : stateOf(first);
        return await this.#port.list({ state }, cursorOf(second), { timeoutMs: timeoutOf(third), signal });
      }
      case "command": {
        checkId("command a task", first);
        const options = { timeoutMs: timeoutOf(fourth), signal };
        return await this.#port.command(
          first as string,
          cidOf(second),
          messageOf("command a task", third),
          options,
        );
      }
      case "nodes":
        return await this.#port.nodes({ timeoutMs: timeoutOf(first), signal });
      case "health":
        return await this.#port.health({ timeoutMs: timeoutOf(first), signal });
      case "commandNode": {
        await this.#port.commandNode(unpackNodeCommandRequest(args), {
          timeoutMs: timeoutOf(fourth),
          signal,
        });
        return null;
      }
      case "watch":
        await this.#watch(rid, signal);
        return null;
      case "ping":
        return null;
      default:
        throw new VersionMismatchError(
          `Cannot serve "${method.slice(0, 40)}": this member's version knows no such request`,
        );
    }
  }

  /** null where some are missing. */
  async #watch(rid: number, signal: AbortSignal): Promise<void> {
    let isBehind = false;
    for await (const events of this.#port.watch(signal)) {
      if (this.#outbox.length >= ITEMS_WAITING_MAX) {
        isBehind = true;
        continue;
      }
      if (isBehind) this.#outbox.push([rid, "item", null]);
      isBehind = false;
      this.#outbox.push([rid, "item", events]);
    }
  }
}

function timeoutOf(value: unknown): number {
  const isGood = typeof value === "number" && value >= 1 && value <= TIMEOUT_MAX_MS;
  return isGood ? value : 10_000;
}

/** What says nothing is sent for the first time. */
function ageOf(value: unknown): number {
  return typeof value === "number" && value >= 0 && value < Infinity ? value : 0;
}

function cidOf(value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new TypeError("Cannot command a task: the command's number makes no sense");
}

function cursorOf(value: unknown): ListCursor {
  const [p, after] = Array.isArray(value) ? value as unknown[] : [];
  const isPlace = Number.isSafeInteger(p) && (p as number) >= 0;
  if (isPlace && typeof after === "string") {
    if (after !== "") checkId("list tasks", after);
    return { p: p as number, after };
  }
  throw new TypeError("Cannot list tasks: the place to go on from makes no sense");
}

function stateOf(value: unknown): TaskState {
  const state = TASK_STATES.find((each) => each === value);
  if (state) return state;
  throw new TypeError("Cannot list tasks: there is no such state");
}
