/**
 * Effects that wait for the store, in order. Two kinds do not wait: a handler must be told that its lease
 * ends or has ended although the disk hangs. And as a disk may hang for hours, no more than so many messages
 * to peers are kept: a link may lose messages at any time, and these would come too late anyway.
 */
import type { Effect } from "../protocol/api.ts";

/** Some seconds of a busy node, hours of an idle one. */
const SENDS_MAX = 20_000;

export type RunnableEffect = Exclude<Effect, { readonly type: "persist" }>;

export class EffectQueue {
  #effects: (Effect | null)[] = [];
  /** Where starts and the aborts behind them wait, by partition and fence. */
  #placesByLease: Map<string, number[]> = new Map();
  #sendPlaces: number[] = [];
  #sendAt = 0;

  /** Puts effects at the end; returns those that do not wait, to be run now. */
  push(effects: readonly Effect[]): readonly RunnableEffect[] {
    const now: RunnableEffect[] = [];
    for (const effect of effects) {
      if (effect.type === "lost") {
        this.#forget(keyOf(effect.p, effect.fence));
        now.push(effect);
      } else if (effect.type === "abort" && !this.#placesByLease.has(keyOf(effect.p, effect.fence))) {
        now.push(effect);
      } else {
        this.#wait(effect);
      }
    }
    return now;
  }

  /** Everything that waits, in order. */
  take(): readonly Effect[] {
    const effects = this.#effects.filter((effect) => effect !== null);
    this.clear();
    return effects;
  }

  clear(): void {
    this.#effects = [];
    this.#placesByLease = new Map();
    this.#sendPlaces = [];
    this.#sendAt = 0;
  }

  #wait(effect: Effect): void {
    const place = this.#effects.push(effect) - 1;
    if (effect.type === "start") this.#placesByLease.set(keyOf(effect.p, effect.task.fence), [place]);
    if (effect.type === "abort") this.#placesByLease.get(keyOf(effect.p, effect.fence))?.push(place);
    if (effect.type !== "send") return;
    this.#sendPlaces.push(place);
    if (this.#sendPlaces.length - this.#sendAt <= SENDS_MAX) return;
    this.#effects[this.#sendPlaces[this.#sendAt]!] = null;
    this.#sendAt += 1;
  }

  /** A lease that is gone before its handler started: it does not start. */
  #forget(key: string): void {
    for (const place of this.#placesByLease.get(key) ?? []) this.#effects[place] = null;
    this.#placesByLease.delete(key);
  }
}

function keyOf(p: number, fence: number): string {
  return `${p}/${fence}`;
}
