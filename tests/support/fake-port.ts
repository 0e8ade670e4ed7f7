/** A cluster that a test makes up: what is asked is noted, what is answered is given. */
import { type ClusterHealth, clusterHealth } from "../../src/coordinator/cluster-health.ts";
import type {
  ClientPort,
  ListCursor,
  ListPage,
  NodeCommandRequest,
  NodeInfo,
  SubmitCallOptions,
  TaskEvent,
  TaskSnapshot,
} from "../../src/coordinator/coordinator.ts";
import type { CommandStatus, Outcome, SubmitStatus } from "../../src/protocol/model/messages.ts";
import type { TaskMessage, TaskSpec } from "../../src/protocol/model/types.ts";

export class FakePort implements ClientPort {
  readonly submitted: TaskSpec[][] = [];
  /** How old each submit said that it was. */
  readonly agesMs: number[] = [];
  readonly waiting: Map<string, PromiseWithResolvers<Outcome>> = new Map();
  readonly aborted: string[] = [];
  readonly stopping: AbortController = new AbortController();
  readonly stopped: AbortSignal = this.stopping.signal;
  statusOf: (spec: TaskSpec) => SubmitStatus | Error = () => "created";
  readonly orders: NodeCommandRequest[] = [];
  errorOf: (order: NodeCommandRequest) => Error | undefined = () => undefined;
  tasks: TaskSnapshot[] = [];
  pageSize = 2;
  events: TaskEvent[][] = [];
  clusterHealth: ClusterHealth = clusterHealth({ groups: [], members: [], stateOf: () => "up" });

  /** What a submit waits for before it is answered. */
  answers: Promise<void> = Promise.resolve();

  async submit(
    specs: readonly TaskSpec[],
    { ageMs = 0 }: Partial<SubmitCallOptions> = {},
  ): Promise<readonly SubmitStatus[]> {
    this.submitted.push([...specs]);
    this.agesMs.push(ageMs);
    await this.answers;
    return specs.map((spec) => {
      const status = this.statusOf(spec);
      if (status instanceof Error) throw status;
      return status;
    });
  }

  outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    const waiting = this.waiting.get(id) ?? Promise.withResolvers<Outcome>();
    this.waiting.set(id, waiting);
    signal?.addEventListener("abort", () => {
      this.aborted.push(id);
      waiting.reject(signal.reason);
    });
    return waiting.promise;
  }

  end(outcome: Partial<Outcome> & { id: string }): void {
    this.waiting.get(outcome.id)?.resolve({
      state: "completed",
      fence: 1,
      attempt: 1,
      result: null,
      failedBecause: null,
      error: "",
      ...outcome,
    });
  }

  get(id: string): Promise<TaskSnapshot | undefined> {
    return Promise.resolve(this.tasks.find((task) => task.id === id));
  }

  commandStatus: CommandStatus = "applied";
  readonly commands: (readonly [string, number, TaskMessage])[] = [];

  command(id: string, cid: number, message: TaskMessage): Promise<CommandStatus> {
    this.commands.push([id, cid, message]);
    return Promise.resolve(this.commandStatus);
  }

  list(_filter: unknown, from: ListCursor): Promise<ListPage> {
    const start = 1 + this.tasks.findIndex(({ id }) => id === from.after);
    const tasks = this.tasks.slice(start, start + this.pageSize);
    const isAll = start + tasks.length === this.tasks.length;
    return Promise.resolve({ tasks, next: isAll ? null : { p: 0, after: tasks.at(-1)!.id } });
  }

  nodes(): Promise<readonly NodeInfo[]> {
    return Promise.resolve([]);
  }

  health(): Promise<ClusterHealth> {
    return Promise.resolve(this.clusterHealth);
  }

  commandNode(order: NodeCommandRequest): Promise<void> {
    this.orders.push(order);
    const error = this.errorOf(order);
    return error ? Promise.reject(error) : Promise.resolve();
  }

  async *watch(signal: AbortSignal): AsyncGenerator<readonly TaskEvent[]> {
    yield* this.events;
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
    this.aborted.push("watch");
  }
}

export function snapshot(id: string, more: Partial<TaskSnapshot> = {}): TaskSnapshot {
  return {
    id,
    name: "n",
    state: "pending",
    owner: null,
    ownerName: null,
    fence: "0",
    attempt: 0,
    leaseRemainingMs: null,
    submittedAt: null,
    startedAt: null,
    finishedAt: null,
    wakeAt: null,
    errors: [],
    result: null,
    progress: null,
    commands: [],
    partition: 0,
    keepers: [],
    why: null,
    expiresAt: null,
    failedBecause: null,
    lapses: [],
    ...more,
  };
}
