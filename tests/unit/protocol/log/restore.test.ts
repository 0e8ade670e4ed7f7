/**
 * What a crash leaves is what was there: in simulated runs, whenever a disk has everything that its engine
 * knows, an engine restored from it is compared with the one that still runs.
 */
import { afterAll, expect, test } from "bun:test";
import { isDeepStrictEqual } from "node:util";
import type { PersistRecord } from "../../../../src/protocol/model/contract.ts";
import { Lifecycle } from "../../../../src/protocol/lifecycle.ts";
import { Context } from "../../../../src/protocol/context/context.ts";
import { Engine } from "../../../../src/protocol/engine.ts";
import type { LeaseCounts } from "../../../../src/protocol/state/lease-counts.ts";
import type { Keeper } from "../../../../src/protocol/log/keeper.ts";
import { RosterRegister } from "../../../../src/protocol/roster/register.ts";
import { optionsOf } from "../../../../src/simulator/node.ts";
import { planFor } from "../../../../src/simulator/profiles.ts";
import { Rng } from "../../../../src/testing/rng.ts";
import { Trace } from "../../../../src/testing/trace.ts";
import { VirtualCluster } from "../../../../src/simulator/cluster.ts";
import { VirtualDisk } from "../../../../src/simulator/disk.ts";
import type { VirtualNode } from "../../../../src/simulator/node.ts";

type Vote = Extract<PersistRecord, { type: "vote" }>;

const PROFILES = ["everything", "reconfiguration", "snapshots", "crashy", "purge"];
const SEEDS = [1, 2];
const COMPARED_EVERY = 7;

/** What is looked at from outside: the engines' lifecycles and votes, by their contexts. */
const lifecycleByContext = new Map<Context, Lifecycle>();
const voteByContext = new Map<Context, Vote>();
const original = {
  restore: Lifecycle.prototype.restore,
  tick: Lifecycle.prototype.tick,
  persist: Context.prototype.persist,
  vote: RosterRegister.prototype.restore,
  write: VirtualDisk.prototype.write,
};
/** While an engine is restored for comparison: its context. */
let restored: { context: Context | null } | null = null;

Lifecycle.prototype.tick = function (): void {
  lifecycleByContext.set(this.roles.context, this);
  original.tick.call(this);
};
Lifecycle.prototype.restore = function (record: PersistRecord): void {
  lifecycleByContext.set(this.roles.context, this);
  if (restored) restored.context = this.roles.context;
  original.restore.call(this, record);
};
Context.prototype.persist = function (record: PersistRecord): void {
  if (record.type === "vote") voteByContext.set(this, record);
  if (record.type === "roster") voteByContext.delete(this);
  original.persist.call(this, record);
};
RosterRegister.prototype.restore = function (epoch, promised, accepted): void {
  if (restored?.context?.roster?.epoch === epoch) {
    voteByContext.set(restored.context, { type: "vote", epoch, promised, accepted });
  }
  original.vote.call(this, epoch, promised, accepted);
};

afterAll(() => {
  Object.assign(Lifecycle.prototype, { tick: original.tick, restore: original.restore });
  Context.prototype.persist = original.persist;
  RosterRegister.prototype.restore = original.vote;
  VirtualDisk.prototype.write = original.write;
});

function leasesOf(leases: LeaseCounts): unknown {
  const newest: Map<number, number> = new Map();
  leases.forEach((owner, n) => newest.set(owner, n));
  return { newest, total: leases.total };
}

function viewOf(keeper: Keeper, fromIndex: number): unknown {
  const { p, cfg, isInstalled, seal, replica } = keeper;
  const { records, finished, condemned } = replica.tasks.toState();
  const entries = [];
  for (let at = fromIndex + 1; at <= replica.lastIndex; at++) {
    const { ballot, op } = replica.entryAt(at)!;
    entries.push({ ballot, op });
  }
  return {
    ...{ p, cfg, isInstalled, seal: [...seal.by], promised: replica.promised, end: replica.end, entries },
    records: new Map(records.map((record) => [record.spec.id, record])),
    // the order is no part of it: what was undone comes last
    finished: finished.toSorted(),
    condemned: new Set(condemned.map((session) => JSON.stringify(session))),
    leases: leasesOf(replica.tasks.leases),
  };
}

/** What differs; "" if nothing does. */
function compare(node: VirtualNode, cluster: VirtualCluster): string {
  const live = [...lifecycleByContext].findLast(([{ options }]) =>
    options.self === node.id && options.boot === node.boot
  )?.[1];
  if (!live || node.disk.records.length === 0) return "";
  const again = { context: null as Context | null };
  restored = again;
  const engine = new Engine(
    { ...optionsOf(cluster.plan, node, { isAnother: true, rng: new Rng(1, 1) }), boot: node.boot + 1 },
  );
  engine.restore(node.disk.records);
  // nothing but the restoring: no tick is due before it
  let copy: Lifecycle | undefined;
  try {
    engine.step([], node.clock.read(cluster.schedule.nowMs));
  } finally {
    restored = null;
    copy = again.context ? lifecycleByContext.get(again.context) : undefined;
    if (again.context) lifecycleByContext.delete(again.context);
  }
  return copy ? differences(live, copy, again.context) : "nothing was restored";
}

function differences(live: Lifecycle, copy: Lifecycle, context: Context | null): string {
  if (!isDeepStrictEqual(copy.roles.context.roster, live.roles.context.roster)) {
    const names = live.roles.context.roster?.members.map(({ id }) => id) ?? [];
    const isMember = copy.roles.context.roster !== null || names.length > 0;
    if (isMember) return "the roster";
  }
  const vote = voteByContext.get(live.roles.context);
  const copyVote = context ? voteByContext.get(context) : undefined;
  if (live.roles.context.roster && vote && !isDeepStrictEqual(vote, copyVote)) return "the vote";
  const keepers = live.roles.keepers.all;
  const places = (all: readonly Keeper[]): string => all.map(({ p, cfg }) => `${p}/${cfg}`).join(" ");
  if (places(keepers) !== places(copy.roles.keepers.all)) {
    return `keepers: ${places(keepers)} became ${places(copy.roles.keepers.all)}`;
  }
  for (const keeper of keepers) {
    const other = copy.roles.keepers.at(keeper.p, keeper.cfg)!;
    const from = Math.max(keeper.replica.base.index, other.replica.base.index);
    if (other.replica.commit > keeper.replica.commit) return "more is chosen than was known";
    if (other.replica.tasks.horizonMs > keeper.replica.tasks.horizonMs) return "the horizon";
    const [before, after] = [viewOf(keeper, from), viewOf(other, from)];
    if (!isDeepStrictEqual(before, after)) {
      return `${keeper.p}/${keeper.cfg}: ${Bun.inspect(before)} became ${Bun.inspect(after)}`;
    }
  }
  return "";
}

for (const profile of PROFILES) {
  test(`whatever happens in "${profile}", a restored engine is the one that was`, () => {
    const seen = { compared: 0, kinds: new Set<string>() };
    for (const seed of SEEDS) {
      const plan = planFor(seed, profile);
      // then a disk that was just written has all that its engine knows
      const faults = { ...plan.faults, blockingDisk: true };
      const cluster = new VirtualCluster({ ...plan, faults, compactBytes: 400 }, new Trace(false, 0));
      let writes = 0;
      VirtualDisk.prototype.write = function (records): void {
        original.write.call(this, records);
        writes += 1;
        const node = cluster.nodes.find(({ disk }) => disk === this);
        const isRare = records.some(({ type }) => type !== "append" && type !== "promise");
        if (!node?.engine || (writes % COMPARED_EVERY !== 0 && !isRare)) return;
        for (const { type } of this.records) seen.kinds.add(type);
        seen.compared += 1;
        const difference = compare(node, cluster);
        if (difference !== "") throw new Error(`seed ${seed}, write ${writes}: ${difference}`);
      };
      cluster.run();
      lifecycleByContext.clear();
      voteByContext.clear();
    }
    expect(seen.compared).toBeGreaterThan(100);
    if (process.env["SEEN"]) console.log(profile, seen.compared, [...seen.kinds].sort().join(" "));
  });
}
