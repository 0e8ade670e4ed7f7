/** Reads of tasks through the partitions' logs: one task, the leased ones of a partition, all of them. */
import type { OwnershipChange } from "../protocol/api.ts";
import type { TaskView } from "../protocol/messages.ts";
import type { MemberNo, Roster, TaskState } from "../protocol/types.ts";
import type { CallOptions, ListPage, TaskSnapshot } from "./coordinator.ts";
import type { Queries } from "./queries.ts";
import { taskSnapshot } from "./task-snapshot.ts";

/** Asked of a steward at once; it may answer with fewer. */
const TASKS_PER_QUERY = 200;
/** Partitions asked at once, and listed on one page. */
const PARTITIONS_PER_PAGE = 16;
const REPAIR_TIMEOUT_MS = 5000;

export interface ListingOptions {
  readonly queries: Queries;
  readonly engine: { readonly roster: Roster | null; partitionOf(id: string): number };
  readonly partitionCount: number;
  readonly leaseRemainingMs: (p: number, owner: MemberNo) => number;
}

export class Listing {
  readonly #options: ListingOptions;

  constructor(options: ListingOptions) {
    this.#options = options;
  }

  async get(id: string, options: CallOptions): Promise<TaskSnapshot | undefined> {
    const p = this.#options.engine.partitionOf(id);
    const { tasks } = await this.#options.queries.ask(p, { type: "get", id }, options);
    return tasks[0] && this.#snapshot(p, tasks[0]);
  }

  async page(
    filter: { readonly state?: TaskState | undefined },
    from: number,
    options: CallOptions,
  ): Promise<ListPage> {
    const end = Math.min(this.#options.partitionCount, from + PARTITIONS_PER_PAGE);
    const partitions = Array.from({ length: Math.max(0, end - from) }, (_, at) => from + at);
    const lists = await Promise.all(partitions.map((p) => this.#all(p, filter.state ?? "", options)));
    const tasks = lists.flatMap((views, at) => views.map((view) => this.#snapshot(from + at, view)));
    return { tasks, next: end < this.#options.partitionCount ? end : null };
  }

  /** Who owns what in one partition, for the view. */
  async leased(p: number, signal: AbortSignal): Promise<OwnershipChange[]> {
    const views = await this.#all(p, "leased", { timeoutMs: REPAIR_TIMEOUT_MS, signal });
    const { roster } = this.#options.engine;
    return views.map(({ record: { spec, fence, session, state } }) => ({
      id: spec.id,
      fence,
      state,
      owner: roster?.members.find((member) => member.no === session?.node)?.id ?? "",
    }));
  }

  async #all(p: number, state: TaskState | "", options: CallOptions): Promise<TaskView[]> {
    const views: TaskView[] = [];
    for (let more = true; more;) {
      const query = { type: "list", state, offset: views.length, limit: TASKS_PER_QUERY } as const;
      const answer = await this.#options.queries.ask(p, query, options);
      views.push(...answer.tasks);
      more = answer.more && answer.tasks.length > 0;
    }
    return views;
  }

  #snapshot(partition: number, view: TaskView): TaskSnapshot {
    const { engine, leaseRemainingMs } = this.#options;
    // an answer came, so there is a roster
    const roster = engine.roster as Roster;
    return taskSnapshot(view, { roster, partition, leaseRemainingMs: (no) => leaseRemainingMs(partition, no) });
  }
}
