/**
 * A simulated cluster: real nodes on virtual time, and what a test does to them. Time passes only in
 * `advance`, `until` and what is made of them; the same seed and the same calls give the same run.
 */
import { shown } from "../base/arguments.ts";
import {
  type Client,
  type OneStart,
  PortClient,
  type SubmitOptions,
  type TaskHandle,
} from "../client/client.ts";
import type { HandlerFunction, HandlerOptions } from "../consumer/handler.ts";
import type { Node } from "../node/node-api.ts";
import type { SubmitInput, TaskDefinition } from "../task/definition.ts";
import { ClusterPort } from "./cluster-port.ts";
import { useVirtualGlobals } from "./globals.ts";
import { currentLife, Life, outside, virtualDelay } from "./life.ts";
import { whileAlive } from "./mortal-coordinator.ts";
import { Network } from "./network.ts";
import { type SimulateOptions, simulateSettings } from "./options.ts";
import { assertNoOverlap } from "./overlaps.ts";
import { Rng } from "./rng.ts";
import { RunLog, type TaskRun } from "./run-log.ts";
import { type Registered, registration, SimulatedNode } from "./simulated-node.ts";
import { Trace } from "./trace.ts";
import { VirtualTime } from "./virtual-time.ts";
import { assertAllDone, waitFor, type WaitOptions, warnIfStuck } from "./waiting.ts";

const NETWORK_STREAM = 1;
const CLIENT_STREAM = 2;
const TRACE_LINES_MAX = 5000;
const LINES_SHOWN_MAX = 12;

/** Made by `simulate`. */
export class SimulatedCluster implements AsyncDisposable {
  readonly seed: number;
  /**
   * For the test: asks through any node that is up and has its quorum. Its answers take virtual time: await
   * them in `until`.
   */
  readonly client: Client;
  readonly #time: VirtualTime;
  readonly #network: Network;
  readonly #log: RunLog;
  readonly #trace: Trace = new Trace(true, TRACE_LINES_MAX);
  readonly #nodes: readonly SimulatedNode[];
  readonly #registered: Registered[] = [];
  readonly #restoreGlobals: () => void;
  #isOver = false;

  constructor(options: SimulateOptions) {
    const { seed, nodes, latencyMs, globals, startMs } = simulateSettings(options);
    this.seed = seed;
    const time = new VirtualTime(startMs);
    this.#time = time;
    const rng = new Rng(seed, NETWORK_STREAM);
    const network = new Network({ time, rng, latencyMs, size: nodes.length });
    this.#network = network;
    const log = new RunLog((node, what) => this.#record(`node-${node}`, what));
    this.#log = log;
    const registered = this.#registered;
    this.#nodes = nodes.map((settings, no) =>
      new SimulatedNode({ no, seed, settings, time, network, log, registered })
    );
    this.#restoreGlobals = globals ? useVirtualGlobals() : () => {};
    const chance = new Life(-1, time, new Rng(seed, CLIENT_STREAM));
    this.client = new PortClient(new ClusterPort(this.#nodes, time), undefined, chance);
  }

  // ---- nodes and tasks ------------------------------------------------------------------------------------

  /** The nodes as they are now: a restart makes a new one. */
  get nodes(): readonly Node[] {
    return this.#nodes.map((each) => each.node);
  }

  /** @throws RangeError when there is no such node */
  node(no: number): Node {
    return this.#nodeOf("take a node", no).node;
  }

  /** From now on every node runs tasks of the definition, also after a restart; witnesses do not. */
  handle<I, O, P, R>(
    definition: TaskDefinition<I, O, P, R>,
    run: HandlerFunction<P, R>,
    options?: HandlerOptions,
  ): void {
    this.#check("add a handler");
    const each = registration(definition, run, options);
    for (const node of this.#nodes) if (node.isUp) node.handle(each);
    this.#registered.push(each);
  }

  /** Submits, and lets time pass until a quorum has the task. */
  submit<I, O, V>(
    definition: TaskDefinition<I, O, unknown, unknown>,
    input: SubmitInput<NoInfer<I>, V>,
    options?: SubmitOptions & OneStart,
  ): Promise<TaskHandle<O>> {
    this.#check("submit a task");
    return this.until(this.client.submit(definition, input, options));
  }

  // ---- time -----------------------------------------------------------------------------------------------

  /** Virtual ms since the start. The nodes' own clocks show `startAt` plus this. */
  now(): number {
    return this.#time.nowMs;
  }

  /** Lets so much virtual time pass. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) {
      throw new RangeError(`Cannot advance: it must be a number of ms >= 0, got ${shown(ms)}`);
    }
    this.#check("advance");
    await this.#time.drive(this.#time.nowMs + ms);
  }

  /**
   * Lets time pass until the promise is settled, and returns what it gives; or until the condition, asked
   * after every event, is true.
   *
   * @throws what the promise or the condition throws; Error when it takes longer than `timeoutMs`
   */
  until<T>(promise: PromiseLike<T>, options?: WaitOptions): Promise<T>;
  until(condition: () => boolean, options?: WaitOptions): Promise<void>;
  async until(what: PromiseLike<unknown> | (() => boolean), options: WaitOptions = {}): Promise<unknown> {
    this.#check("wait");
    return await waitFor(this.#time, what, options, () => this.#lately());
  }

  /** Lets time pass until every node that is up serves. */
  async ready(options: WaitOptions = {}): Promise<void> {
    const waiting = (): readonly SimulatedNode[] =>
      this.#nodes.filter(({ isUp, node }) => isUp && node.state === "starting");
    try {
      await this.until(() => waiting().length === 0, options);
    } catch (cause) {
      const names = waiting().map(({ no }) => no).join(", ");
      throw new Error(`Cannot get the cluster ready: these nodes do not serve: ${names}`, { cause });
    }
  }

  /**
   * For handlers: resolves after so much virtual time, rejects with the signal's reason when it aborts. In a
   * node that stands still it waits longer, in one that has crashed for ever.
   */
  delay(ms: number, signal?: AbortSignal): Promise<void> {
    const delay = virtualDelay(this.#time, ms, signal);
    if (!currentLife()) warnIfStuck(this.#time, "a delay", delay);
    return delay;
  }

  /**
   * For handlers that need something real, a database say: virtual time stands still until its promise is
   * settled, and inside `run` timers and clocks are the runtime's. What it gives is not the seed's business.
   */
  real<T>(run: () => Promise<T>): Promise<T> {
    const promise = outside(run);
    this.#time.hold(promise);
    return whileAlive(promise);
  }

  // ---- faults ---------------------------------------------------------------------------------------------

  /**
   * From now on only nodes of one group reach each other; nodes that no group names are a group of their own.
   * The cut is silent: no node is notified. It takes the place of earlier cuts.
   */
  partition(...groups: readonly (readonly number[])[]): void {
    for (const no of groups.flat()) this.#nodeOf("cut the network", no);
    if (new Set(groups.flat()).size < groups.flat().length) {
      throw new RangeError(`Cannot cut the network: a node is in one group, got ${shown(groups)}`);
    }
    this.#network.partition(groups);
    this.#record("", `network cut into ${groups.map((group) => `[${group.join(", ")}]`).join(" ")}`);
  }

  /** From now on these two do not reach each other. */
  cut(a: number, b: number): void {
    for (const no of [a, b]) this.#nodeOf("cut a link", no);
    if (a === b) throw new RangeError(`Cannot cut a link: it takes two nodes, got ${a} twice`);
    this.#network.cut(a, b);
    this.#record("", `link cut between ${a} and ${b}`);
  }

  /** Everybody reaches everybody. */
  heal(): void {
    this.#network.heal();
    this.#record("", "network heals");
  }

  /**
   * The node's process is gone, at once. Its handlers do not notice: what they await of the kit or of their
   * context never comes, and their runs count as ended.
   */
  crash(no: number): void {
    const node = this.#nodeOf("crash a node", no);
    if (!node.isUp) throw new Error(`Cannot crash node ${no}: it is down already`);
    this.#record(`node-${no}`, "crashes");
    node.crash();
  }

  /** Starts a node that is down, with what it had recorded; one that is up crashes first. */
  restart(no: number): void {
    const node = this.#nodeOf("restart a node", no);
    if (node.isUp) this.crash(no);
    this.#record(`node-${no}`, "starts");
    node.start();
  }

  /**
   * The node stands still: nothing of it happens, and later everything late, as after SIGSTOP or a long
   * garbage collection. For `ms`, or until `resume`.
   */
  pause(no: number, ms?: number): void {
    const node = this.#nodeOf("pause a node", no);
    if (!node.isUp) throw new Error(`Cannot pause node ${no}: it is down`);
    if (node.isPaused) throw new Error(`Cannot pause node ${no}: it stands still already`);
    this.#record(`node-${no}`, "stands still");
    node.pause();
    const { node: life } = node;
    if (ms === undefined) return;
    this.#time.after(ms, () => {
      if (node.isPaused && node.node === life) this.resume(no);
    });
  }

  resume(no: number): void {
    const node = this.#nodeOf("resume a node", no);
    if (!node.isPaused) throw new Error(`Cannot resume node ${no}: it does not stand still`);
    this.#record(`node-${no}`, "goes on");
    node.resume();
  }

  /**
   * From now on the node's wall clock is ahead by `errorMs`, or behind when that is negative; also after a
   * restart. Its timers and its monotonic clock are right. A clock that is set ahead ends the node's leases.
   */
  setClock(no: number, errorMs: number): void {
    const node = this.#nodeOf("set a clock", no);
    if (!Number.isFinite(errorMs)) {
      throw new RangeError(
        `Cannot set the clock of node ${no}: errorMs must be finite, got ${shown(errorMs)}`,
      );
    }
    this.#record(`node-${no}`, `has a clock that is wrong by ${errorMs} ms`);
    node.setClock(errorMs);
  }

  // ---- what happened --------------------------------------------------------------------------------------

  /** Every run of a handler, or those of one task, in the order of their starts. */
  runs(task?: string): readonly TaskRun[] {
    return this.#log.runs.filter((run) => task === undefined || run.task === task).map((run) => ({ ...run }));
  }

  /**
   * No two runs of one task were at work at the same time: no handler went on when its lease was over and
   * another had started. The time in which a node stands still, and `marginMs` after it, does not count.
   *
   * @throws OverlapError that names the task, the nodes, the fences and the times
   */
  noOverlap(): void {
    const marginMs = Math.max(...this.#nodes.map((node) => node.marginMs));
    const { runs, standstills } = this.#log;
    assertNoOverlap(runs, { seed: this.seed, nowMs: this.#time.nowMs, standstills, marginMs });
  }

  /**
   * Every task that the cluster knows is completed. Asks the cluster, so time passes.
   *
   * @throws NotDoneError that names those which are not, failed and killed ones too, and why; NoQuorumError
   */
  async allDone(): Promise<void> {
    await this.until(assertAllDone(this.client, this.seed));
  }

  /** What happened, a line each: time, node, event. The last 5000. */
  trace(): readonly string[] {
    return this.#trace.lines;
  }

  /** Of the whole trace: two runs with the same hash were the same. */
  get hash(): string {
    return this.#trace.hash;
  }

  /** The cluster is gone, at once; handlers that still run go no further. */
  [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return Promise.resolve();
    this.#isOver = true;
    for (const node of this.#nodes) node.end();
    this.#time.end(new Error("Cannot wait: the simulated cluster is over"));
    this.#restoreGlobals();
    return Promise.resolve();
  }

  // ---- inside ---------------------------------------------------------------------------------------------

  #nodeOf(attempt: string, no: number): SimulatedNode {
    this.#check(attempt);
    const node = this.#nodes[no];
    if (node) return node;
    throw new RangeError(`Cannot ${attempt}: nodes are 0 to ${this.#nodes.length - 1}, got ${shown(no)}`);
  }

  #check(attempt: string): void {
    if (this.#isOver) throw new Error(`Cannot ${attempt}: the simulated cluster is over`);
    if (currentLife() && ["advance", "wait"].includes(attempt)) {
      throw new Error(
        `Cannot ${attempt} inside a handler: use \`await cluster.delay(ms, ctx.signal)\` there`,
      );
    }
  }

  #record(node: string, what: string): void {
    this.#trace.line(this.#time.nowMs, node, what);
  }

  #lately(): string {
    const last = this.#trace.lines.slice(-LINES_SHOWN_MAX).join("\n");
    return `(seed ${this.seed}, now ${Math.round(this.now())} ms). Last events:\n${last}`;
  }
}

/**
 * Starts a cluster of real nodes on virtual time: nothing happens before `advance`, `until` or `ready`.
 * Dispose it at the end: `await using cluster = simulate()`.
 *
 * @throws TypeError, RangeError for bad options
 */
export function simulate(options: SimulateOptions = {}): SimulatedCluster {
  return new SimulatedCluster(options);
}
