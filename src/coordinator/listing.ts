/** Reads of tasks through the partitions' logs: one task, the leased ones of a partition, all of them. */
import type { OwnershipChange } from "../protocol/model/contract.ts";
import type { TaskView } from "../protocol/model/messages.ts";
import { ANY_TASK, type TaskFilter } from "../protocol/model/task-filter.ts";
import type { MemberNo, Roster } from "../protocol/model/types.ts";
import { sizeOfView } from "../protocol/wire/client-messages.ts";
import type { CallOptions, ListCallOptions, ListCursor, ListPage, TaskSnapshot } from "./coordinator.ts";
import type { Queries, QueryAnswer } from "./queries.ts";
import { taskSnapshot } from "./task-snapshot.ts";

/** A page is one message to a client that is no member: far below a frame. */
const PAGE_BYTES_MAX = 1_048_576;
/** Asked of a steward at once; it may answer with fewer. */
const TASKS_PER_QUERY = 200;
/** Partitions asked at once, and listed on one page. */
const PARTITIONS_PER_PAGE = 16;
/** What each of them answers with at most, unless it is asked on. */
const FIRST_BYTES_MAX = PAGE_BYTES_MAX / PARTITIONS_PER_PAGE;
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
    const { tasks, timeMs } = await this.#options.queries.ask(p, { type: "get", id }, options);
    return tasks[0] && this.#snapshot(p, tasks[0], timeMs);
  }

  /** Some partitions at once, cut where they get too much for one answer. */
  async page(filter: TaskFilter, from: ListCursor, options: ListCallOptions): Promise<ListPage> {
    const end = Math.min(this.#options.partitionCount, from.p + PARTITIONS_PER_PAGE);
    const page = new Page(options.limit);
    const ask = (p: number, after: string, bytesMax: number): Promise<QueryAnswer> => {
      const limit = Math.min(TASKS_PER_QUERY, page.spare);
      return this.#options.queries.ask(p, { type: "list", filter, after, limit, bytesMax }, options);
    };
    const first = Array.from(
      { length: Math.max(0, end - from.p) },
      (_, at) => ask(from.p + at, at === 0 ? from.after : "", FIRST_BYTES_MAX),
    );
    const answers = await Promise.all(first);
    for (let [at, p] = [0, from.p]; p < end; at++, p++) {
      let answer = answers[at]!;
      for (let after = p === from.p ? from.after : "";;) {
        for (const view of answer.tasks) {
          if (!page.takes(view)) return { tasks: page.tasks, next: { p, after } };
          page.tasks.push(this.#snapshot(p, view, answer.timeMs));
          after = view.record.spec.id;
        }
        if (!answer.more) break;
        if (page.isFull) return { tasks: page.tasks, next: { p, after } };
        // what was read of the partitions behind it is for this page, too
        answer = await ask(p, after, PAGE_BYTES_MAX);
      }
    }
    return { tasks: page.tasks, next: end < this.#options.partitionCount ? { p: end, after: "" } : null };
  }

  /** Who owns what in one partition, for the view. */
  async leased(p: number, signal: AbortSignal): Promise<OwnershipChange[]> {
    const filter: TaskFilter = { ...ANY_TASK, states: ["leased"] };
    const views = await this.#all(p, filter, { timeoutMs: REPAIR_TIMEOUT_MS, signal });
    const { roster } = this.#options.engine;
    return views.map(({ record: { spec, fence, session, state } }) => ({
      id: spec.id,
      fence,
      state,
      owner: roster?.members.find((member) => member.no === session?.node)?.id ?? "",
    }));
  }

  async #all(p: number, filter: TaskFilter, options: CallOptions): Promise<TaskView[]> {
    const views: TaskView[] = [];
    for (let more = true; more;) {
      const after = views.at(-1)?.record.spec.id ?? "";
      const limits = { limit: TASKS_PER_QUERY, bytesMax: PAGE_BYTES_MAX };
      const answer = await this.#options.queries.ask(p, { type: "list", filter, after, ...limits }, options);
      views.push(...answer.tasks);
      more = answer.more && answer.tasks.length > 0;
    }
    return views;
  }

  #snapshot(partition: number, view: TaskView, timeMs: number): TaskSnapshot {
    const { engine, diagnosis } = this.#options;
    // an answer came, so there is a roster
    const roster = engine.roster as Roster;
    return taskSnapshot(view, {
      roster,
      partition,
      timeMs,
      leaseRemainingMs: (no) => diagnosis.leaseRemainingMs(partition, no),
    });
  }
}

/** What has gathered for one answer. */
class Page {
  readonly tasks: TaskSnapshot[] = [];
  readonly #limit: number;
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many more it may have. */
  get spare(): number {
    return this.#limit - this.tasks.length;
  }

  get isFull(): boolean {
    return this.spare <= 0 || this.#bytes >= PAGE_BYTES_MAX;
  }

  /** There is room for it, which is taken. */
  takes(view: TaskView): boolean {
    if (this.spare <= 0) return false;
    this.#bytes += sizeOfView(view);
    return this.#bytes <= PAGE_BYTES_MAX || this.tasks.length === 0;
  }
}
