/**
 * The resource balancer, Metafora's with two limits: a node that is nearly full takes nothing more, one that
 * is too full gives its oldest task back. How full it is a reporter says (reporters.ts).
 */
import type { Balancer, BalancerContext, ClaimRefusal } from "./balancer.ts";

const EVERY_MS = 30_000;
const RETRY_MS = 1000;
/** A reporter is not asked more often. */
const REPORT_MS = 250;

/** How much there is of something and how much of it is used, in any unit. */
export interface ResourceReporter {
  used(): { readonly used: number; readonly total: number };
}

export interface ResourceBalancerOptions {
  /** Percent used from which on nothing more begins: 1 to 100, < releaseLimit. */
  readonly claimLimit: number;
  /** Percent used from which on the oldest task is given back: 1 to 100. */
  readonly releaseLimit: number;
  readonly reporter: ResourceReporter;
  /** How often it looks whether to give something back: one task at a time. @default 30_000 */
  readonly everyMs?: number;
}

/** @throws TypeError, RangeError */
export function resourceBalancer(options: ResourceBalancerOptions): Balancer {
  const { claimLimit, releaseLimit, reporter, everyMs = EVERY_MS } = options;
  const attempt = "Cannot make a resource balancer";
  for (const [name, limit] of Object.entries({ claimLimit, releaseLimit })) {
    if (typeof limit === "number" && limit >= 1 && limit <= 100) continue;
    throw new RangeError(`${attempt}: ${name} must be from 1 to 100, got ${String(limit)}`);
  }
  if (claimLimit >= releaseLimit) {
    throw new RangeError(
      `${attempt}: claimLimit must be < releaseLimit (${releaseLimit}), got ${claimLimit}`,
    );
  }
  if (typeof reporter?.used !== "function") {
    throw new TypeError(
      `${attempt}: reporter must have used(), as memoryReporter makes one, got ${typeof reporter}`,
    );
  }
  if (typeof everyMs !== "number" || !(everyMs >= 10 && everyMs <= 86_400_000)) {
    throw new RangeError(`${attempt}: everyMs must be from 10 to 86400000, got ${String(everyMs)}`);
  }
  return new ResourceBalancer({ claimLimit, releaseLimit, reporter, everyMs });
}

class ResourceBalancer implements Balancer {
  readonly #options: Required<ResourceBalancerOptions>;
  readonly everyMs: number;
  #context: BalancerContext | null = null;
  #reportedMs = -Infinity;
  #percent = 0;

  constructor(options: Required<ResourceBalancerOptions>) {
    this.#options = options;
    this.everyMs = options.everyMs;
  }

  init(context: BalancerContext): void {
    this.#context = context;
    this.#reportedMs = -Infinity;
  }

  canClaim(): true | ClaimRefusal {
    const nowMs = this.#context?.now() ?? 0;
    if (this.#percentAt(nowMs) < this.#options.claimLimit) return true;
    return { ignoreUntil: new Date(nowMs + RETRY_MS) };
  }

  balance(): string[] {
    const context = this.#context;
    if (!context || this.#percentAt(context.now()) < this.#options.releaseLimit) return [];
    const oldest = context.tasks().find(({ stopping }) => !stopping);
    return oldest ? [oldest.id] : [];
  }

  #percentAt(nowMs: number): number {
    if (Math.abs(nowMs - this.#reportedMs) < REPORT_MS) return this.#percent;
    this.#reportedMs = nowMs;
    const { used, total } = this.#options.reporter.used();
    this.#percent = 100 * used / total;
    if (this.#percent >= 0) return this.#percent;
    // and asked again at the next occasion
    this.#reportedMs = -Infinity;
    throw new RangeError(
      `Cannot read the reporter: it must be used >= 0 and total > 0, got ${used}, ${total}`,
    );
  }
}
