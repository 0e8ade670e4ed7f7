/**
 * What clients do during a virtual run: mostly new tasks, some ids again, watches, reads, second thoughts.
 */
import type { Ballot, TaskMessage, TaskOptions, TaskSpec } from "../protocol/model/types.ts";
import { Rng } from "../testing/rng.ts";
import { EndClients } from "./ends.ts";
import { endlessPayload, HANDLER_NAMES } from "./handlers.ts";
import type { VirtualNode } from "./node.ts";
import { whoSent } from "./oracle-clients.ts";
import { ballotOrder } from "./oracle-model.ts";
import { poisonPayload } from "./oracle-deaths.ts";
import type { Oracle } from "./oracle.ts";
import { commandKey, submitKey, wakeIn } from "./oracle-times.ts";
import { drawnOptions, hasPlace, PLAIN_OPTIONS } from "./placement.ts";
import type { World } from "./world.ts";

interface WorkloadWorld extends World {
  readonly nodes: readonly VirtualNode[];
  readonly oracle: Oracle;
}

export class Workload {
  readonly #world: WorkloadWorld;
  readonly #rng: Rng;
  /** Commands have their own, so that a run without them is the same as before. */
  readonly #commandRng: Rng;
  readonly #placementRng: Rng;
  readonly #answersRng: Rng;
  readonly #expiryRng: Rng;
  /** And when each was sent first, in true time. */
  readonly #specs: { readonly spec: TaskSpec; readonly firstSentMs: number }[] = [];
  readonly #endsRng: Rng;
  readonly #ends: EndClients;
  #cid = 0;

  /** `earlier`: clients of a cluster that this one was recovered from; their tasks are asked for again. */
  constructor(world: WorkloadWorld, earlier: Workload | null = null) {
    this.#world = world;
    if (earlier) {
      this.#specs.push(...earlier.#specs);
      this.#cid = earlier.#cid;
    }
    this.#rng = new Rng(world.plan.seed, 4);
    this.#commandRng = new Rng(world.plan.seed, 5);
    this.#placementRng = new Rng(world.plan.seed, 8);
    this.#answersRng = new Rng(world.plan.seed, 22);
    this.#expiryRng = new Rng(world.plan.seed, 23);
    this.#endsRng = new Rng(world.plan.seed, 42);
    this.#ends = new EndClients(world, {
      nextCid: () => ++this.#cid,
      newSpec: () => this.#newSpec(),
      sent: (spec) => void this.#specs.push({ spec, firstSentMs: world.schedule.nowMs }),
      specs: () => this.#specs.map(({ spec }) => spec),
    });
  }

  begin(): void {
    this.#world.schedule.after(this.#rng.range(0, 500), () => this.#act());
  }

  #act(): void {
    const { plan, calm, nodes, schedule } = this.#world;
    if (calm) return;
    const up = nodes.filter((node) => node.up);
    if (up.length > 0) {
      this.#actAt(this.#rng.pick(up));
      if (plan.work.command > 0 && this.#commandRng.chance(plan.work.command)) this.#command(up);
      if (plan.work.answers > 0 && this.#answersRng.chance(plan.work.answers)) this.#probe(up);
      if (plan.work.ends > 0 && this.#endsRng.chance(plan.work.ends)) this.#ends.act(up);
    }
    schedule.after(this.#rng.range(0.1, 1.9) * plan.work.everyMs, () => this.#act());
  }

  #actAt(node: VirtualNode): void {
    const { plan: { work }, schedule: { nowMs } } = this.#world;
    const { client } = node;
    if (this.#specs.length < work.taskCount && this.#rng.chance(0.6)) {
      const spec = this.#limited(this.#placed(this.#newSpec()));
      this.#specs.push({ spec, firstSentMs: nowMs });
      return client.submit(spec, this.#rng.chance(0.6), nowMs);
    }
    if (this.#specs.length === 0) return;
    const { spec, firstSentMs } = this.#rng.pick(this.#specs);
    if (this.#rng.chance(work.resubmit)) {
      if (this.#rng.chance(0.1)) {
        return client.submit({ ...spec, payload: new Uint8Array([1, 2, 3]) }, false, firstSentMs);
      }
      // a retry has the number and the age of the first try, another client's submit its own
      const isRetry = this.#rng.chance(0.6);
      const again = isRetry ? spec : { ...spec, cid: ++this.#cid };
      return client.submit(again, this.#rng.chance(0.5), isRetry ? firstSentMs : nowMs);
    }
    const choice = this.#rng.int(20);
    if (choice < 6) client.watch(spec.id);
    else if (choice < 7) client.unwatch();
    else if (choice < 12) client.get(spec.id);
    else if (choice < 14) client.list(this.#rng.int(this.#world.plan.partitionCount));
    else if (choice < 16) client.cancelOne();
    else if (choice < 17) this.#drain(node);
  }

  #newSpec(): TaskSpec {
    const { plan, schedule } = this.#world;
    const rng = this.#rng;
    const number = this.#specs.length;
    const afterMs = rng.chance(0.15) ? rng.int(plan.leaseTtlMs * 2) : 0;
    this.#world.oracle.times.asked(submitKey(`t${number}`), afterMs);
    const wake = wakeIn(afterMs, rng.chance(0.5), schedule.nowMs);
    if (number < plan.work.poison) return this.#poison(number);
    return {
      id: `t${number}`,
      name: rng.pick(HANDLER_NAMES),
      payload: new TextEncoder().encode(`payload ${number} ${"x".repeat(rng.int(120))}`),
      attemptsMax: rng.pick([0, 0, 3]),
      options: null,
      runAtMs: afterMs > 0 && "untilMs" in wake ? wake.untilMs : 0,
      delayMs: "forMs" in wake ? wake.forMs : 0,
      cid: ++this.#cid,
    };
  }

  /** Kills the node that runs it. */
  #poison(number: number): TaskSpec {
    const { lapsesMax } = this.#world.plan.work;
    return {
      id: `t${number}`,
      name: HANDLER_NAMES[0]!,
      payload: poisonPayload(number),
      attemptsMax: 0,
      options: { ...PLAIN_OPTIONS, lapsesMax },
      runAtMs: 0,
      delayMs: 0,
      cid: ++this.#cid,
    };
  }

  /** Some have a time from which they have failed; some of these run until they are told. */
  #limited(spec: TaskSpec): TaskSpec {
    const { plan } = this.#world;
    const rng = this.#expiryRng;
    if (plan.work.expires === 0 || !rng.chance(plan.work.expires)) return spec;
    // when its time of day comes is counted from now
    const startsInMs = spec.runAtMs > 0 ? 2 * plan.leaseTtlMs : spec.delayMs;
    const expiresMs = Math.round(rng.range(50, 5 * plan.leaseTtlMs) + startsInMs);
    const payload = rng.chance(plan.work.endless) ? endlessPayload(spec.id) : spec.payload;
    return { ...spec, payload, options: { ...PLAIN_OPTIONS, ...spec.options, expiresMs } };
  }

  #placed(spec: TaskSpec): TaskSpec {
    const { plan } = this.#world;
    if (plan.work.ends > 0 && this.#endsRng.chance(0.3)) return { ...spec, options: this.#kept(spec) };
    if (plan.work.placement === 0 || !this.#placementRng.chance(plan.work.placement)) return spec;
    return { ...spec, options: drawnOptions(this.#placementRng, plan) };
  }

  /** It has a retention of its own, and perhaps a time that is over soon. */
  #kept({ runAtMs, delayMs }: TaskSpec): TaskOptions {
    const { leaseTtlMs } = this.#world.plan;
    const [completedMs, failedMs] = [0, 0].map(() => leaseTtlMs * this.#endsRng.pick([0, 1, 3, 20]));
    const retention = { completedMs: completedMs!, failedMs: failedMs! };
    const drawnMs = leaseTtlMs * this.#endsRng.pick([0, 0, 1, 3]);
    const expiresMs = runAtMs + delayMs === 0 ? drawnMs : 0;
    return { ...PLAIN_OPTIONS, expiresMs, tags: ["kept"], retention };
  }

  /** Some are sent twice, through two nodes. */
  #command(up: readonly VirtualNode[]): void {
    const rng = this.#commandRng;
    if (this.#specs.length === 0) return;
    const { spec: { id } } = rng.pick(this.#specs.slice(-12));
    const cid = ++this.#cid;
    const node = rng.pick(up);
    const message = this.#message(commandKey(id, cid), rng);
    node.client.command(id, cid, message);
    if (rng.chance(0.2)) rng.pick(up).client.command(id, cid, message);
  }

  #message(key: string, rng: Rng): TaskMessage {
    const type = rng.pick(
      ["run", "run", "sleep", "pause", "kill", "error", "complete", "checkpoint", "release"] as const,
    );
    if (type === "sleep") {
      const forMs = rng.int(this.#world.plan.leaseTtlMs * 2);
      this.#world.oracle.times.asked(key, forMs);
      return { type, ...wakeIn(forMs, rng.chance(0.3), this.#world.schedule.nowMs) };
    }
    return type === "error" ? { type, message: "command" } : { type };
  }

  /** Calls whose answers are easily wrong. */
  #probe(up: readonly VirtualNode[]): void {
    const rng = this.#answersRng;
    for (let p = 0; p < this.#world.plan.partitionCount; p++) this.#askTheDeposed(up, p);
    const choice = rng.int(10);
    if (choice < 3) this.#race(up);
    else if (choice < 5) this.#readPages(up);
    else this.#askForRefusals(up);
  }

  /** Clients submit one id at once, some with another payload, while others read and command it in a loop. */
  #race(up: readonly VirtualNode[]): void {
    const rng = this.#answersRng;
    const spec = { ...this.#newSpec(), runAtMs: 0, delayMs: 0 };
    const firstSentMs = this.#world.schedule.nowMs;
    this.#world.oracle.times.sent(whoSent(spec)); // their nodes get to it in a moment
    this.#specs.push({ spec, firstSentMs });
    const submit = (node: VirtualNode, at: number): void => {
      const payload = rng.chance(0.2) ? new Uint8Array([1, 2, 3]) : spec.payload;
      const isFirst = at === 0;
      const cid = isFirst ? spec.cid : ++this.#cid;
      node.client.submit({ ...spec, payload, cid }, rng.chance(0.3), isFirst ? firstSentMs : undefined);
    };
    for (let at = 0; at < 1 + rng.int(3); at++) {
      const node = rng.pick(up);
      node.later(rng.range(0, 40), () => submit(node, at));
    }
    const commander = rng.pick(up);
    const types = ["pause", "run", "release", "checkpoint"] as const;
    for (let at = 0; at < 10; at++) {
      const message = { type: rng.pick(types) };
      commander.later(at * rng.range(0.5, 8), () => commander.client.command(spec.id, ++this.#cid, message));
    }
    const reader = rng.pick(up);
    for (let at = 0; at < 5; at++) reader.later(rng.range(0, 60), () => reader.client.get(spec.id));
  }

  /** A list in small pages, while some of its tasks come and others end. */
  #readPages(up: readonly VirtualNode[]): void {
    const rng = this.#answersRng;
    const reader = rng.pick(up);
    const state = rng.pick(["", "", "pending", "paused", "completed"] as const);
    reader.client.list(rng.int(this.#world.plan.partitionCount), state, 1 + rng.int(4));
    for (const { spec: { id } } of this.#specs.slice(-6)) {
      if (!rng.chance(0.3)) continue;
      const node = rng.pick(up);
      const message = { type: rng.pick(["kill", "pause", "run"] as const) };
      node.later(rng.range(0, 60), () => node.client.command(id, ++this.#cid, message));
    }
  }

  /** Two nodes believe to be its steward: what the one lets go on, the other may still refuse. */
  #askTheDeposed(up: readonly VirtualNode[], p: number): void {
    const rng = this.#answersRng;
    const termOf = (node: VirtualNode): Ballot | null => node.engine!.holder.termOf(p);
    const stewards = up.filter((node) => termOf(node)?.node === node.engine!.self)
      .sort((a, b) => ballotOrder(termOf(a), termOf(b)));
    const [deposed, steward] = [stewards[0], stewards.at(-1)];
    if (!deposed || !steward || deposed === steward) return;
    for (const { p: place, id, state } of this.#world.oracle.unfinished()) {
      if (place !== p || (state !== "paused" && state !== "sleeping")) continue;
      steward.client.command(id, ++this.#cid, { type: "run" });
      const ask = (): void => deposed.client.command(id, ++this.#cid, { type: "complete" });
      for (const delayMs of [40, 100, 250]) deposed.later(rng.range(0.5, 1) * delayMs, ask);
    }
  }

  /** Of any node, those that stand still or are cut off among them: what most likely is to be refused. */
  #askForRefusals(up: readonly VirtualNode[]): void {
    const rng = this.#answersRng;
    if (this.#specs.length === 0) return;
    const { spec, firstSentMs } = rng.pick(this.#specs.slice(-10));
    const still = up.filter((node) => node.isPaused);
    const asked = still.length > 0 && rng.chance(0.7) ? still : up;
    for (let at = 0; at < 3; at++) {
      const { client } = rng.pick(asked);
      const choice = rng.int(4);
      if (choice === 0) client.submit({ ...spec, cid: ++this.#cid }, false);
      else if (choice === 1) client.submit({ ...spec, payload: new Uint8Array([at]) }, false, firstSentMs);
      else client.command(spec.id, ++this.#cid, { type: choice === 2 ? "complete" : "run" });
    }
    const changer = rng.pick(up);
    if (!rng.chance(0.5)) return;
    const cid = ++this.#cid;
    changer.client.command(spec.id, cid, this.#message(commandKey(spec.id, cid), rng));
  }

  /**
   * After the faults: what was paused, or sleeps for long after an error, gets the command to run, until it
   * does; what no node that stays can run is killed.
   */
  #wakeUp(): void {
    const { nodes, oracle, schedule, plan } = this.#world;
    const up = nodes.filter((node) => node.up);
    for (const { id, state } of oracle.unfinished()) {
      if (up.length === 0) continue;
      if (!hasPlace(nodes, oracle.specOf(id)!)) {
        this.#commandRng.pick(up).client.command(id, ++this.#cid, { type: "kill" });
      }
      if (
        plan.work.command + plan.work.answers + plan.work.ends === 0 ||
        (state !== "paused" && state !== "sleeping")
      ) {
        continue;
      }
      this.#commandRng.pick(up).client.command(id, ++this.#cid, { type: "run" });
    }
    schedule.after(2000, () => this.#wakeUp());
  }

  #drain(node: VirtualNode): void {
    node.handlers.drain();
    node.later(this.#rng.range(100, this.#world.plan.leaseTtlMs), () => node.handlers.offerAgain());
    if (this.#rng.chance(0.3)) node.receive([{ type: "resign" }]);
  }

  /** After the faults: nobody drains any more, and everybody who was promised something asks once more. */
  askAgain(): void {
    const { nodes, oracle } = this.#world;
    const up = nodes.filter((node) => node.up);
    for (const node of up) node.handlers.offerAgain();
    const { command, placement, answers, ends } = this.#world.plan.work;
    if (command + placement + answers + ends > 0) this.#wakeUp();
    for (const id of oracle.clients.acked) this.#rng.pick(up).client.watch(id);
  }
}
