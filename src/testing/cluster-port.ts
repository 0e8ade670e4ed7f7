/**
 * What the test itself asks of a simulated cluster: through a node that is up and has its quorum, and through
 * another when that is gone, as a client does that is no member.
 */
import { StoppedError } from "../base/errors.ts";
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
import type { CommandStatus, Outcome, SubmitStatus } from "../protocol/model/messages.ts";
import type { TaskSpec, TaskState } from "../protocol/model/types.ts";
import type { SimulatedNode } from "./simulated-node.ts";
import type { VirtualTime } from "./virtual-time.ts";

const RETRY_MS = 100;

export class ClusterPort implements ClientPort {
  readonly #nodes: readonly SimulatedNode[];
  readonly #time: VirtualTime;

  constructor(nodes: readonly SimulatedNode[], time: VirtualTime) {
    this.#nodes = nodes;
    this.#time = time;
  }

  async submit(specs: readonly TaskSpec[], options: CallOptions): Promise<readonly SubmitStatus[]> {
    return await this.#best().port.submit(specs, options);
  }

  /** However long it takes, and whoever crashes meanwhile. */
  async outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    for (;;) {
      signal?.throwIfAborted();
      const node = this.#nodes.find((each) => each.isGood);
      const moved = new AbortController();
      const unlisten = node?.onTrouble(() => moved.abort());
      try {
        const given = signal ? AbortSignal.any([signal, moved.signal]) : moved.signal;
        if (node) return await node.port.outcome(id, given);
      } catch (error) {
        if (signal?.aborted || !(moved.signal.aborted || error instanceof StoppedError)) throw error;
      } finally {
        unlisten?.();
      }
      await new Promise<void>((resolve) => this.#time.after(RETRY_MS, resolve));
    }
  }

  async get(id: string, options: CallOptions): Promise<TaskSnapshot | undefined> {
    return await this.#best().port.get(id, options);
  }

  async command(...args: Parameters<ClientPort["command"]>): Promise<CommandStatus> {
    return await this.#best().port.command(...args);
  }

  async list(
    filter: { readonly state?: TaskState | undefined },
    from: ListCursor,
    options: CallOptions,
  ): Promise<ListPage> {
    return await this.#best().port.list(filter, from, options);
  }

  async nodes(options: CallOptions): Promise<readonly NodeInfo[]> {
    return await this.#best().port.nodes(options);
  }

  async health(options: CallOptions): Promise<ClusterHealth> {
    return await this.#best().port.health(options);
  }

  async commandNode(request: NodeCommandRequest, options: CallOptions): Promise<void> {
    await this.#best().port.commandNode(request, options);
  }

  watch(signal: AbortSignal): AsyncIterable<readonly TaskEvent[] | null> {
    return this.#best().port.watch(signal);
  }

  /** @throws StoppedError when no node is up */
  #best(): SimulatedNode {
    const node = this.#nodes.find((each) => each.isGood) ??
      this.#nodes.find((each) => each.isUp && !each.isPaused) ?? this.#nodes.find((each) => each.isUp);
    if (node) return node;
    throw new StoppedError(
      "Cannot ask the cluster: none of its nodes is up; `cluster.restart(no)` starts one",
    );
  }
}
