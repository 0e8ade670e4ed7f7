/**
 * Hosts the engine: gathers what happens in one iteration of the loop into one step, runs the effects in
 * order (nothing leaves before what it rests on is durable), and keeps one timer. Steps go on while the store
 * is at work; all that they persist is one write when it is done. What an effect means to the rest of the
 * node is its owner's business.
 */
import { type Environment, systemEnvironment, type TimerHandle } from "../base/environment.ts";
import type { Clock, Effect, Input, PersistRecord } from "../protocol/model/contract.ts";
import type { Store } from "../store/store.ts";
import type { StoreError } from "../store/store-error.ts";

/** What the host needs of the engine. */
export interface Steppable {
  readonly deadlineMs: number;
  restore(records: readonly PersistRecord[]): void;
  step(inputs: readonly Input[], clock: Clock): Effect[];
}

export interface EngineHostOptions {
  readonly engine: Steppable;
  readonly store: Store;
  readonly clock: { read(): Clock };
  /** Throws when what the store holds does not fit the node's options. @default nothing is checked */
  readonly check?: (records: readonly PersistRecord[]) => void;
  /** @default the system's */
  readonly environment?: Environment;
  /** Runs one effect. */
  readonly run: (effect: RunnableEffect) => void;
  /** All effects that could run have run. */
  readonly afterRun: () => void;
  /** The store cannot write at the moment, or can again (null). @default nobody listens */
  readonly onTrouble?: (error: StoreError | null) => void;
  /**
   * The engine, or what runs an effect, found itself in a state that must not be: no further step is taken.
   */
  readonly onBroken: (error: unknown) => void;
}

/** What is run and not persisted. */
export type RunnableEffect = Exclude<Effect, { readonly type: "persist" }>;

/** What the store took, and how long it took for it. */
export interface CommitCounts {
  readonly count: number;
  /** In all; those that were done at once took none. */
  readonly totalMs: number;
  /** For how long the present one has been at work; 0 when there is none. */
  readonly pendingMs: number;
}

export class EngineHost {
  readonly #options: EngineHostOptions;
  readonly #environment: Environment;
  #inbox: Input[] = [];
  #turn: TimerHandle | null = null;
  #timer: TimerHandle | null = null;
  #timerAtMs = Infinity;
  /** Effects that wait for the store. */
  readonly #waiting: EffectQueue = new EffectQueue();
  #isSyncing = false;
  #syncSinceMs = 0;
  #commitCount = 0;
  #commitTotalMs = 0;
  #isStopped = false;
  readonly #takeTurn = (): void => this.#step();
  readonly #onTimer = (): void => this.#wake();

  /** Replays the store; the first step comes when this iteration of the loop is over. */
  constructor(options: EngineHostOptions) {
    const { engine, store, check, onTrouble, environment = systemEnvironment } = options;
    this.#options = options;
    this.#environment = environment;
    const records = store.load(onTrouble);
    check?.(records);
    if (records.length > 0) engine.restore(records);
    this.#plan();
  }

  /** Hands something to the engine; all that is pushed in one iteration of the loop is one step. */
  push(input: Input): void {
    if (this.#isStopped) return;
    this.#inbox.push(input);
    this.#plan();
  }

  /** No further step, no timer, no effect. */
  stop(): void {
    this.#isStopped = true;
    if (this.#turn !== null) this.#environment.clearImmediate(this.#turn);
    if (this.#timer !== null) this.#environment.clearTimeout(this.#timer);
    this.#turn = null;
    this.#timer = null;
    this.#inbox = [];
    this.#waiting.clear();
  }

  get commits(): CommitCounts {
    const pendingMs = this.#isSyncing ? this.#environment.monoMs() - this.#syncSinceMs : 0;
    return { count: this.#commitCount, totalMs: this.#commitTotalMs, pendingMs };
  }

  #plan(): void {
    if (this.#turn === null) this.#turn = this.#environment.setImmediate(this.#takeTurn);
  }

  #step(): void {
    this.#turn = null;
    if (this.#isStopped) return;
    const inputs = this.#inbox;
    this.#inbox = [];
    const clock = this.#options.clock.read();
    let effects: Effect[];
    try {
      effects = this.#options.engine.step(inputs, clock);
    } catch (error) {
      this.#break(error);
      return;
    }
    this.#run(effects);
    this.#arm(clock.monoMs);
  }

  #run(effects: readonly Effect[]): void {
    try {
      if (this.#isSyncing) this.#defer(effects);
      else this.#runAll(effects);
    } catch (error) {
      this.#break(error);
    }
  }

  #break(error: unknown): void {
    this.stop();
    this.#options.onBroken(error);
  }

  #runAll(effects: readonly Effect[]): void {
    for (let at = 0; at < effects.length && !this.#isStopped; at++) {
      const effect = effects[at];
      if (effect === undefined) continue;
      if (effect.type !== "persist") {
        this.#options.run(effect);
        continue;
      }
      // what later effects persist goes along: one write, and never too late for what lies between
      const behind = effects.slice(at + 1);
      const isDurable = this.#persist(recordsOf([effect, ...behind]));
      const runnable = behind.filter((each) => each.type !== "persist");
      if (!isDurable) return this.#defer(runnable);
      for (const each of runnable) if (!this.#isStopped) this.#options.run(each);
      break;
    }
    if (!this.#isStopped) this.#options.afterRun();
  }

  /** Until the store is done. */
  #defer(effects: readonly Effect[]): void {
    for (const effect of this.#waiting.push(effects)) if (!this.#isStopped) this.#options.run(effect);
    if (!this.#isStopped) this.#options.afterRun();
  }

  /** True when the records are durable already. */
  #persist(records: readonly PersistRecord[]): boolean {
    this.#isSyncing = true;
    this.#commitCount++;
    this.#syncSinceMs = this.#environment.monoMs();
    let isInline = true;
    this.#options.store.append(records, () => {
      this.#isSyncing = false;
      if (isInline) return;
      this.#commitTotalMs += this.#environment.monoMs() - this.#syncSinceMs;
      if (!this.#isStopped) this.#run(this.#waiting.take());
    });
    isInline = false;
    return !this.#isSyncing;
  }

  /**
   * The one timer moves only when the engine wants to be woken earlier; a late one is set again when it
   * fires.
   */
  #arm(nowMs: number): void {
    if (this.#isStopped) return;
    const dueMs = this.#options.engine.deadlineMs;
    if (dueMs >= this.#timerAtMs) return;
    if (this.#timer !== null) this.#environment.clearTimeout(this.#timer);
    this.#timerAtMs = dueMs;
    this.#timer = this.#environment.setTimeout(this.#onTimer, Math.max(1, Math.ceil(dueMs - nowMs)));
  }

  #wake(): void {
    this.#timer = null;
    this.#timerAtMs = Infinity;
    // a turn is due anyway, and sets the timer
    if (this.#turn !== null) return;
    const { monoMs } = this.#options.clock.read();
    if (this.#options.engine.deadlineMs <= monoMs) this.#step();
    else this.#arm(monoMs);
  }
}

function recordsOf(effects: readonly Effect[]): readonly PersistRecord[] {
  return effects.flatMap((effect) => effect.type === "persist" ? effect.records : []);
}

/** Messages to peers that wait: some seconds of a busy node, hours of an idle one. */
const SENDS_MAX = 20_000;

/**
 * Effects that wait for the store, in order. Two kinds do not wait, because a handler must learn that its
 * lease ends or has ended although the disk hangs. A disk may hang for hours, so the messages to peers that
 * are kept are limited: a link may lose messages at any time, and these would come too late anyway.
 */
class EffectQueue {
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
