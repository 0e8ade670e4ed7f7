/** Which keepers serve, as their vouches say: of three engines, some lost, slow or copying. */
import { expect, test } from "bun:test";
import { engineOptions } from "../../../src/coordinator/settings.ts";
import { nodeSettings } from "../../../src/node/options.ts";
import { Engine } from "../../../src/protocol/engine.ts";
import { DECIDERS, type GroupHealth, groupHealths } from "../../../src/protocol/keeper-health.ts";
import type { Input } from "../../../src/protocol/model/contract.ts";
import type { Message } from "../../../src/protocol/model/messages.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";

const FOUNDERS = ["a", "b", "c"];

/** Engines that hear each other at once. */
class Bench {
  readonly engines: Map<string, Engine> = new Map();
  readonly #inbox: Map<string, Input[]> = new Map();
  loses: (message: Message, to: string) => boolean = () => false;
  nowMs = 0;

  constructor() {
    for (const id of FOUNDERS) this.add(id, FOUNDERS.length);
    this.run(6000);
  }

  add(id: string, expect: number): void {
    const settings = nodeSettings({ name: id, partitions: 4, expect });
    const options = engineOptions(id, settings, memoryStore());
    const foundAfterMs = expect === 1 ? Infinity : 0;
    const more = { nonce: "n", seed: this.engines.size + 1, foundAfterMs, evictAfterMs: 600_000 };
    this.engines.set(id, new Engine({ ...options, ...more }));
    this.#inbox.set(id, []);
    for (const other of this.engines.keys()) {
      if (other === id) continue;
      for (const [node, peer] of [[id, other], [other, id]] as const) {
        const candidate = { name: peer, labels: {}, witness: false, expect };
        this.#inbox.get(node)!.push({ type: "peer", node: peer, up: true, candidate });
      }
    }
  }

  push(id: string, input: Input): void {
    this.#inbox.get(id)!.push(input);
  }

  /** Its process is gone, and its connections are closed. */
  kill(id: string): void {
    this.engines.delete(id);
    for (const other of this.engines.keys()) this.push(other, { type: "peer", node: id, up: false });
  }

  run(forMs: number): void {
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; this.nowMs += 20) {
      for (const [id, engine] of this.engines) {
        const inputs = this.#inbox.get(id)!.splice(0);
        const clock = { monoMs: this.nowMs, leaseMs: this.nowMs, wallMs: 1e12 + this.nowMs };
        for (const effect of engine.step(inputs, clock)) {
          if (effect.type !== "send" || !this.engines.has(effect.to)) continue;
          for (const message of effect.messages) {
            if (!this.loses(message, effect.to)) this.push(effect.to, { type: "message", from: id, message });
          }
        }
      }
    }
  }

  /** Of the partitions at `a`: how many may be lost, and who does not serve. */
  seen(): { spare: Set<number>; absent: Set<number> } {
    const groups = this.groups.filter(({ p }) => p !== DECIDERS);
    expect(groups).toHaveLength(4);
    return {
      spare: new Set(groups.map(({ spare }) => spare)),
      absent: new Set(groups.flatMap(({ absent }) => absent)),
    };
  }

  get groups(): readonly GroupHealth[] {
    return this.engines.get("a")!.status().healths;
  }
}

test("while all keepers vouch one of three may be lost, and deciders count like a partition", () => {
  const bench = new Bench();
  expect(bench.seen()).toEqual({ spare: new Set([1]), absent: new Set() });
  expect(bench.groups.find(({ p }) => p === DECIDERS)).toMatchObject({ keepers: [1, 2, 3], spare: 1 });
});

test("one whose connection closed does not serve from that moment", () => {
  const bench = new Bench();
  bench.kill("c");
  bench.run(20);
  const seen = bench.seen();
  expect([...seen.spare]).toEqual([0]);
  expect(seen.absent.size).toBe(1);
});

test("one that answers no heartbeats does not serve, though its connection is open", () => {
  const bench = new Bench();
  bench.loses = (message, to) => message.type === "heartbeatReply" && to === "a";
  bench.run(3000);
  // it hears itself alone
  expect([...bench.seen().spare]).toEqual([-1]);
  bench.loses = () => false;
  bench.run(2000);
  expect(bench.seen()).toEqual({ spare: new Set([1]), absent: new Set() });
});

test("a newcomer that has no copy yet does not serve, and counts once it has one", () => {
  const bench = new Bench();
  bench.kill("c");
  bench.run(5000);
  bench.push("b", { type: "leave", isPatient: false });
  bench.run(1000);
  bench.add("d", 1);
  // it becomes a member, and no entry of any log reaches it
  const dId = (to: string): boolean => to === "d";
  bench.loses = (message, to) => dId(to) && ["append", "snapshot"].includes(message.type);
  bench.run(8000);
  const members = bench.engines.get("a")!.roster!.members.map(({ id }) => id);
  expect(members).toContain("d");
  const { absent } = bench.seen();
  const numberOf = (id: string): number =>
    bench.engines.get("a")!.roster!.members.find((member) => member.id === id)!.no;
  expect(absent).toContain(numberOf("d"));
});

/** One partition with these configurations, oldest first; named are the keepers whose vouches are fresh. */
function groupOf(...chain: readonly (readonly [keepers: readonly number[], fresh: readonly number[]])[]) {
  const vouchers = chain.map(([keepers, fresh], at) => {
    return { cfg: at + 1, keepers, vouchedMs: keepers.map((no) => fresh.includes(no) ? 10_000 : 0) };
  });
  const roles = {
    context: {
      ...{ roster: { deciders: [1] }, self: 1, options: { heartbeatMs: 1000 } },
      ...{ clock: { leaseMs: 10_500, monoMs: 10_500 }, isConnected: () => true },
      topology: { isKeeping: () => true, wants: () => true },
    },
    liveness: { lastHeartbeatMs: () => 10_000 },
    holder: { sessions: { all: [{ p: 0, vouchers }] } },
  };
  // of the roles it has what is looked at
  const [group] = groupHealths(roles as unknown as Parameters<typeof groupHealths>[0]);
  return group!;
}

test("while a newer configuration is on its way the one that is better off counts", () => {
  const moving = groupOf([[1, 2, 3], [1, 2, 3]], [[2, 3, 4], [2]]);
  expect(moving).toEqual({ p: 0, keepers: [2, 3, 4], absent: [3, 4], spare: 1 });
  const taken = groupOf([[1, 2, 3], []], [[2, 3, 4], [2, 3, 4]]);
  expect(taken).toEqual({ p: 0, keepers: [2, 3, 4], absent: [], spare: 1 });
});

test("where none has a majority those are named whose copies are needed, not their successors", () => {
  const lost = groupOf([[1, 2, 3], [1]], [[1, 4, 5], []]);
  expect(lost).toEqual({ p: 0, keepers: [1, 2, 3], absent: [2, 3], spare: -1 });
});
