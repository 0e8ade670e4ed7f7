/**
 * The keepers of this node: one per partition and configuration that it belongs to and that is not retired.
 * Mostly one per partition, two while a partition moves.
 */
import type { Keeper } from "./keeper.ts";

/** Partitions taken over at the same time by one node: the others go on serving meanwhile. */
const TAKEOVERS_MAX = 32;

export class KeeperTable {
  /** Oldest configuration first. */
  readonly #byPartition: Map<number, Keeper[]> = new Map();
  /** Null after a change: a node that takes many places at once sorts once. */
  #all: readonly Keeper[] | null = null;

  /** All of them, by partition. */
  get all(): readonly Keeper[] {
    return this.#all ??= [...this.#byPartition.keys()].sort((a, b) => a - b)
      .flatMap((p) => this.#byPartition.get(p)!);
  }

  at(p: number, cfg: number): Keeper | undefined {
    const keepers = this.#byPartition.get(p);
    if (keepers === undefined) return undefined;
    for (const keeper of keepers) if (keeper.cfg === cfg) return keeper;
    return undefined;
  }

  newest(p: number): Keeper | undefined {
    return this.#byPartition.get(p)?.at(-1);
  }

  ofSteward(p: number): Keeper | undefined {
    const keepers = this.#byPartition.get(p);
    if (keepers === undefined) return undefined;
    for (let at = keepers.length - 1; at >= 0; at--) if (keepers[at]!.term) return keepers[at];
    return undefined;
  }

  /** Those of earlier configurations of the partition, newest first. */
  *before(p: number, cfg: number): Iterable<Keeper> {
    const keepers = this.#byPartition.get(p) ?? [];
    for (let at = keepers.length - 1; at >= 0; at--) if (keepers[at]!.cfg < cfg) yield keepers[at]!;
  }

  add(keeper: Keeper): void {
    const keepers = this.#byPartition.get(keeper.p);
    if (keepers) {
      keepers.push(keeper);
      keepers.sort((a, b) => a.cfg - b.cfg);
    } else this.#byPartition.set(keeper.p, [keeper]);
    this.#all = null;
  }

  remove(keeper: Keeper): void {
    const rest = (this.#byPartition.get(keeper.p) ?? []).filter((other) => other !== keeper);
    if (rest.length > 0) this.#byPartition.set(keeper.p, rest);
    else this.#byPartition.delete(keeper.p);
    this.#all = null;
  }

  mayStand(keeper: Keeper): boolean {
    if (keeper.isInstalled || keeper.place.chain.length === 1) return true;
    let count = 0;
    for (const other of this.all) if (!other.isInstalled && other.election.isStanding) count++;
    return count < TAKEOVERS_MAX;
  }
}
