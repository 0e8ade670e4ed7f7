/** One node of a simulated cluster over all its lives: a real node on virtual surroundings. */
import type { HandlerFunction, HandlerOptions } from "../consumer/handler.ts";
import type { TaskDefinition } from "../task/definition.ts";
import type { ClientPort, CoordinatorEvent } from "../coordinator/coordinator.ts";
import type { HostedCoordinator } from "../coordinator/hosted-coordinator.ts";
import { RunningNode } from "../node/node.ts";
import type { Node } from "../node/node-api.ts";
import type { NodeSettings } from "../node/options.ts";
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
export function registration<I, O, P, R>(
  definition: TaskDefinition<I, O, P, R>,
  handler: HandlerFunction<P, R>,
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

export interface SimulatedNodeOptions {
  readonly no: number;
  readonly seed: number;
  readonly settings: NodeSettings;
  readonly time: VirtualTime;
  readonly network: Network;
  readonly log: RunLog;
  /** What every life of the node runs. */
  readonly registered: readonly Registered[];
}

/** One life of the node, with what lives it. */
interface Living {
  readonly life: Life;
  readonly coordinator: HostedCoordinator;
  readonly node: Node;
}

export class SimulatedNode {
  readonly no: number;
  readonly #options: SimulatedNodeOptions;
  readonly #records: KeptRecords = new KeptRecords();
  readonly #wallError: { ms: number } = { ms: 0 };
  #livesCount = 0;
  #now: Living;
  #hasQuorum = true;
  readonly #inTrouble: Set<() => void> = new Set();

  constructor(options: SimulatedNodeOptions) {
    this.#options = options;
    this.no = options.no;
    this.#now = this.#live();
  }

  get node(): Node {
    return this.#now.node;
  }

  get isUp(): boolean {
    return !this.#now.life.isDead && this.#now.node.state !== "stopped";
  }

  get isPaused(): boolean {
    return this.#now.life.isPaused;
  }

  /** It is worth asking. */
  get isGood(): boolean {
    return this.isUp && !this.isPaused && this.#hasQuorum;
  }

  get port(): ClientPort {
    return this.#now.coordinator;
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
    return this.#options.settings.marginMs;
  }

  /** Its wall clock is wrong by so much from now on. */
  setClock(errorMs: number): void {
    this.#wallError.ms = errorMs;
  }

  /** The next life, with what the last one kept. */
  start(): void {
    this.#hasQuorum = true;
    this.#now = this.#live();
  }

  #live(): Living {
    const { no, seed, settings, time, network, registered } = this.#options;
    const rng = new Rng(seed, STREAM_FIRST + no * LIVES_MAX + this.#livesCount++);
    const life = new Life(no, time, rng, this.#wallError);
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
    const view = RunningNode.viewOf(() => node);
    const coordinator: HostedCoordinator = life.inside(() =>
      new MortalCoordinator({ self, settings, store, transport, node: view, environment: life })
    );
    coordinator.on((event) => this.#onEvent(life, event));
    const node: RunningNode = life.inside(() => new RunningNode(coordinator, { ...settings, store }, life));
    const living = { life, coordinator, node };
    for (const each of registered) this.#handle(living, each);
    return living;
  }

  #onEvent(life: Life, event: CoordinatorEvent): void {
    const { no, log, time } = this.#options;
    if (event.type === "broken") time.fail(event.error);
    if (event.type === "ready") log.record(no, "serves");
    if (event.type !== "quorum") return;
    log.record(no, event.held ? "has its quorum again" : "has lost its quorum");
    if (this.#now.life !== life) return;
    this.#hasQuorum = event.held;
    if (!event.held) this.#trouble();
  }

  handle(registered: Registered): void {
    this.#handle(this.#now, registered);
  }

  #handle({ life, node }: Living, { definition, handler, options }: Registered): void {
    if (this.#options.settings.witness) return;
    node.handle(definition, this.#options.log.watched(life, handler), options);
  }

  /** The process is gone: nothing of it happens any more, and whoever waits for it outside is notified. */
  crash(): void {
    const { life, coordinator } = this.#now;
    this.resume();
    life.die();
    this.#options.log.crashed(life);
    void coordinator.stop();
    this.#trouble();
  }

  pause(): void {
    this.#now.life.pause();
    this.#trouble();
    this.#options.log.paused(this.no, this.#options.time.nowMs);
  }

  resume(): void {
    const { life } = this.#now;
    if (!life.isPaused) return;
    this.#options.log.resumed(this.no, this.#options.time.nowMs);
    life.resume();
  }

  /** Its last life ends at once, and reports nothing. */
  end(): void {
    this.#now.life.die();
    void this.#now.coordinator.stop();
  }
}
