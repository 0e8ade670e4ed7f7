/**
 * For how long the cluster knows tasks that have ended: asked of the log of each partition, and said to each.
 * The highest number holds, so whoever repeats what it said changes nothing, and all of them come to have the
 * same one.
 */
import { UnknownOutcomeError } from "../base/errors.ts";
import { ANY_TASK } from "../protocol/model/task-filter.ts";
import type { AgreedRetention } from "../protocol/model/types.ts";
import type { CallOptions } from "./coordinator.ts";
import type { Queries } from "./queries.ts";

/** Partitions asked at once. */
const AT_ONCE = 32;

export interface RetentionCallsOptions {
  readonly queries: Queries;
  readonly partitionCount: number;
}

export class RetentionCalls {
  readonly #options: RetentionCallsOptions;

  constructor(options: RetentionCallsOptions) {
    this.#options = options;
  }

  /** The newest that any partition was told. */
  async read(options: CallOptions): Promise<AgreedRetention | null> {
    const query = { type: "list", filter: ANY_TASK, after: "", limit: 0, bytesMax: 0 } as const;
    let newest: AgreedRetention | null = null;
    await this.#each(async (p) => {
      const { retention } = await this.#options.queries.ask(p, query, options);
      if (retention && retention.no > (newest?.no ?? 0)) newest = retention;
    });
    return newest;
  }

  async set(retention: AgreedRetention, options: CallOptions): Promise<void> {
    const { queries } = this.#options;
    const message = { type: "retain", retention } as const;
    let isPartial = false;
    try {
      await this.#each(async (p) => {
        await queries.command("", 0, message, { ...options, p });
        isPartial = true;
      });
    } catch (error) {
      if (!isPartial) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new UnknownOutcomeError(
        `Cannot know whether the retention holds for all tasks: ${why}; set it again, which changes ` +
          `nothing where it holds`,
      );
    }
  }

  async #each(run: (p: number) => Promise<void>): Promise<void> {
    const { partitionCount } = this.#options;
    for (let first = 0; first < partitionCount; first += AT_ONCE) {
      const count = Math.min(AT_ONCE, partitionCount - first);
      await Promise.all(Array.from({ length: count }, (_, at) => run(first + at)));
    }
  }
}
