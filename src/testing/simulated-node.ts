/** One node of a simulated cluster over all its lives: a real node on virtual surroundings. */
import type { HandlerFunction, HandlerOptions } from "../consumer/handler.ts";
import type { ClientPort, CoordinatorEvent } from "../coordinator/coordinator.ts";
import type { HostedCoordinator } from "../coordinator/hosted-coordinator.ts";
import { RunningNode } from "../node/node.ts";
import type { Node } from "../node/node-api.ts";
import type { NodeSettings } from "../node/options.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { KeptRecords, Life } from "./life.ts";
import { MortalCoordinator } from "./mortal-coordinator.ts";
import type { Network, Port } from "./network.ts";
import { Rng } from "./rng.ts";
import type { RunLog } from "./run-log.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** Lives of all nodes draw from different streams of the seed. */
const STREAM_FIRST = 1000;
const LIVES_MAX = 1000;

export interface Registered {
  readonly definition: TaskDefinition;
  readonly handler: HandlerFunction<unknown, unknown>;
  readonly options: HandlerOptions | undefined;
}

/** @throws TypeError for isolation: threads live in real time */
export function registration<I, O>(
  definition: TaskDefinition<I, O>,
  handler: HandlerFunction<I, O>,
  options: HandlerOptions | undefined,
): Registered {
  if (options?.isolation === "thread") {
    throw new TypeError(
      `Cannot add a handler for ${
        JSON.stringify(definition?.name)
      }: isolation "thread" needs real time, which ` +
        "a simulated cluster has not; give it the function that the module exports, without isolation",
    );
  }
  // the node checks all of it, and calls the handler with what fits the definition
  return { definition, handler, options } as unknown as Registered;
}

/** What a node is made of; what its user may say of it is in options.ts. */
interface NodeParts {
  readonly no: number;
  readonly seed: number;
  readonly settings: NodeSettings;
  readonly time: VirtualTime;
  readonly network: Network;
  readonly log: RunLog;
  /** What every life of the node runs. */
  readonly registered: readonly Registered[];
}

/** What there is of a node from one start to the next. */
interface Incarnation {
  readonly life: Life;
  readonly coordinator: HostedCoordinator;
  readonly node: Node;
}

export class SimulatedNode {
  readonly no: number;
  readonly #parts: NodeParts;
  readonly #records: KeptRecords = new KeptRecords();
  #livesCount = 0;
  #current: Incarnation;
  #hasQuorum = true;
  readonly #inTrouble: Set<() => void> = new Set();

  constructor(parts: NodeParts) {
    this.#parts = parts;
    this.no = parts.no;
    this.#current = this.#begin();
    this.#handleAll();
  }

  get node(): Node {
    return this.#current.node;
  }

  get isUp(): boolean {
    return !this.#current.life.isDead && this.node.state !== "stopped";
  }

  get isPaused(): boolean {
    return this.#current.life.isPaused;
  }

  /** It is worth asking. */
  get isGood(): boolean {
    return this.isUp && !this.isPaused && this.#hasQuorum;
  }

  get port(): ClientPort {
    return this.#current.coordinator;
  }

  /** Calls back when it is not good any more; returns what ends that. */
  onTrouble(callback: () => void): () => void {
    this.#inTrouble.add(callback);
    return () => this.#inTrouble.delete(callback);
  }

  #trouble(): void {
    for (const callback of [...this.#inTrouble]) callback();
  }

  get marginMs(): number {
    return this.#parts.settings.marginMs;
  }

  /** The next life, with what the last one kept. */
  start(): void {
    this.#hasQuorum = true;
    this.#current = this.#begin();
    this.#handleAll();
  }

  #begin(): Incarnation {
    const { no, seed, settings, time, network } = this.#parts;
    const life = new Life(no, time, new Rng(seed, STREAM_FIRST + no * LIVES_MAX + this.#livesCount++));
    const self = `node-${no}`;
    const { name, labels, witness, expect } = settings;
    const port: Port = {
      id: self,
      no,
      life,
      candidate: { name, labels, witness, expect },
      input: (input) => coordinator.input(input),
      gossip: (topic, from, data) => coordinator.gossip(topic, from, data),
    };
    const transport = network.start(port);
    const store = this.#records.open();
    const make = (): HostedCoordinator =>
      new MortalCoordinator({ self, settings, store, transport, ambient: life });
    const coordinator = life.inside(make);
    coordinator.on((event) => this.#onEvent(life, event));
    const node = life.inside(() => new RunningNode(coordinator, { ...settings, store }, life));
    return { life, coordinator, node };
  }

  #onEvent(life: Life, event: CoordinatorEvent): void {
    const { no, log, time } = this.#parts;
    if (event.type === "broken") time.fail(event.error);
    if (event.type === "ready") log.tell(no, "serves");
    if (event.type !== "quorum") return;
    log.tell(no, event.held ? "has its quorum again" : "has lost its quorum");
    if (this.#current.life !== life) return;
    this.#hasQuorum = event.held;
    if (!event.held) this.#trouble();
  }

  #handleAll(): void {
    for (const each of this.#parts.registered) this.handle(each);
  }

  handle({ definition, handler, options }: Registered): void {
    const { settings, log } = this.#parts;
    if (settings.witness) return;
    const { life, node } = this.#current;
    node.handle(definition, log.watched(life, handler), options);
  }

  /** The process is gone: nothing of it happens any more, and whoever waits for it outside is told. */
  crash(): void {
    this.resume();
    this.#current.life.end();
    this.#parts.log.crashed(this.#current.life);
    void this.#current.coordinator.stop();
    this.#trouble();
  }

  pause(): void {
    const { log, time } = this.#parts;
    this.#current.life.pause();
    this.#trouble();
    log.paused(this.no, time.nowMs);
  }

  resume(): void {
    if (!this.isPaused) return;
    const { log, time } = this.#parts;
    log.resumed(this.no, time.nowMs);
    this.#current.life.resume();
  }

  /** Over and out, without a word. */
  end(): void {
    this.#current.life.end();
    void this.#current.coordinator.stop();
  }
}
