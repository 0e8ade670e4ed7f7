/** Reads of tasks through the partitions' logs: one task, the leased ones of a partition, all of them. */
import type { OwnershipChange } from "../protocol/model/contract.ts";
import type { TaskView } from "../protocol/model/messages.ts";
import type { MemberNo, Roster, TaskState } from "../protocol/model/types.ts";
import type { CallOptions, ListCursor, ListPage, TaskSnapshot } from "./coordinator.ts";
import type { Queries } from "./queries.ts";
import { taskSnapshot } from "./task-snapshot.ts";

/** A page is one message to a client that is no member: far below a frame. */
const PAGE_BYTES_MAX = 2_097_152;
/** What a task takes beside its result: at most some KiB of errors. */
const TASK_BYTES = 1000;
/** Asked of a steward at once; it may answer with fewer. */
const TASKS_PER_QUERY = 200;
/** Partitions asked at once, and listed on one page. */
const PARTITIONS_PER_PAGE = 16;
const REPAIR_TIMEOUT_MS = 5000;

export interface ListingOptions {
  readonly queries: Queries;
  readonly engine: { readonly roster: Roster | null; partitionOf(id: string): number };
  readonly partitionCount: number;
  readonly diagnosis: { leaseRemainingMs(p: number, owner: MemberNo): number };
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

  /** Some partitions at once, cut where they get too much for one answer. */
  async page(
    filter: { readonly state?: TaskState | undefined },
    from: ListCursor,
    options: CallOptions,
  ): Promise<ListPage> {
    const state = filter.state ?? "";
    const end = Math.min(this.#options.partitionCount, from.p + PARTITIONS_PER_PAGE);
    const cursors = Array.from({ length: Math.max(0, end - from.p) }, (_, at) => ({
      p: from.p + at,
      after: at === 0 ? from.after : "",
    }));
    const answers = await Promise.all(
      cursors.map(({ p, after }) =>
        this.#options.queries.ask(p, { type: "list", state, after, limit: TASKS_PER_QUERY }, options)
      ),
    );
    const tasks: TaskSnapshot[] = [];
    let bytes = 0;
    for (const [at, { p, after: first }] of cursors.entries()) {
      let { tasks: views = [], more = false } = answers[at] ?? {};
      for (let after = first;;) {
        for (const view of views) {
          bytes += TASK_BYTES + (view.record.result?.length ?? 0);
          if (bytes > PAGE_BYTES_MAX && tasks.length > 0) return { tasks, next: { p, after } };
          tasks.push(this.#snapshot(p, view));
          after = view.record.spec.id;
        }
        if (!more || views.length === 0) break;
        // what was read of the partitions behind it is for this page, too
        const query = { type: "list", state, after, limit: TASKS_PER_QUERY } as const;
        ({ tasks: views, more } = await this.#options.queries.ask(p, query, options));
      }
    }
    return { tasks, next: end < this.#options.partitionCount ? { p: end, after: "" } : null };
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
      const after = views.at(-1)?.record.spec.id ?? "";
      const query = { type: "list", state, after, limit: TASKS_PER_QUERY } as const;
      const answer = await this.#options.queries.ask(p, query, options);
      views.push(...answer.tasks);
      more = answer.more && answer.tasks.length > 0;
    }
    return views;
  }

  #snapshot(partition: number, view: TaskView): TaskSnapshot {
    const { engine, diagnosis } = this.#options;
    // an answer came, so there is a roster
    const roster = engine.roster as Roster;
    return taskSnapshot(view, {
      roster,
      partition,
      leaseRemainingMs: (no) => diagnosis.leaseRemainingMs(partition, no),
    });
  }
}
