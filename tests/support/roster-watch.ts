/**
 * Reads the rosters of a cluster as they are decided, without being a member: a stranger on the mesh is sent
 * the roster when it connects, and again each time it sends a heartbeat.
 */
import { createMesh } from "../../src/mesh/mesh.ts";
import type { Mesh } from "../../src/mesh/mesh-types.ts";
import { decodeFrame, encodeFrame } from "../../src/protocol/wire/frame.ts";
import type { MemberNo, NodeId, Roster } from "../../src/protocol/model/types.ts";
import { eventually } from "./drill.ts";

const ASK_EVERY_MS = 200;

export interface SeenRoster {
  readonly roster: Roster;
  /** When it was first seen, by performance.now(). */
  readonly atMs: number;
}

export class RosterWatch implements AsyncDisposable {
  /** One for each epoch, in order. */
  readonly seen: SeenRoster[] = [];
  #mesh: Mesh | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  static async start(reach: { readonly namespace: string; readonly join: string[] }): Promise<RosterWatch> {
    const watch = new RosterWatch();
    const ask = (): void => {
      for (const id of watch.#mesh?.peers().keys() ?? []) watch.#ask(id);
    };
    watch.#mesh = await createMesh({
      ...reach,
      listen: ["/ip4/127.0.0.1/tcp/0"],
      mdns: false,
      hello: { cluster: "", name: "watch", labels: {}, witness: true, expect: 1, boot: 1 },
    }, {
      peerUp: (id) => watch.#ask(id),
      peerDown() {},
      frame: (_from, frame) => watch.#frame(frame),
      congested() {},
      rejected() {},
      gossip() {},
      client() {},
    });
    watch.#timer = setInterval(ask, ASK_EVERY_MS);
    return watch;
  }

  get newest(): Roster | null {
    return this.seen.at(-1)?.roster ?? null;
  }

  /** Waits for a roster that fits, the present one or a later one; null when there was none in time. */
  async until(fits: (roster: Roster) => boolean, withinMs: number): Promise<SeenRoster | null> {
    const isThere = (): boolean => this.newest !== null && fits(this.newest);
    return await eventually(isThere, withinMs, 20) ? this.seen.at(-1)! : null;
  }

  /** To a node without a roster a heartbeat says nothing. */
  #ask(id: NodeId): void {
    const heartbeat = {
      type: "heartbeat",
      boot: 1,
      sentMs: 0,
      wallMs: 0,
      epoch: 0,
      sessions: [],
      terms: [],
    } as const;
    for (const frame of encodeFrame([heartbeat])) this.#mesh?.send(id, [frame]);
  }

  #frame(frame: Uint8Array): void {
    for (const message of decodeFrame(frame)) {
      if (message.type !== "roster" || message.roster.epoch <= (this.newest?.epoch ?? 0)) continue;
      this.seen.push({ roster: message.roster, atMs: performance.now() });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#timer) clearInterval(this.#timer);
    await this.#mesh?.stop();
  }
}

/** Names of the members that stay, sorted. */
export function namesIn(roster: Roster): string[] {
  return roster.members.filter((member) => !member.leaving).map((member) => member.name).sort();
}

/** Every partition is served by its newest configuration, which nobody that leaves is part of. */
export function isSettled(roster: Roster): boolean {
  return roster.chains.every((chain) => chain.length === 1) &&
    roster.members.every((member) => !member.leaving);
}

/** The keepers of each partition, of its newest configuration. */
export function keepersOf(roster: Roster): readonly (readonly MemberNo[])[] {
  return roster.chains.map((chain) => chain.at(-1)!.keepers);
}

/** How many partitions each member keeps. */
export function keepCounts(roster: Roster): number[] {
  const kept = keepersOf(roster).flat();
  return roster.members.filter((member) => !member.leaving)
    .map(({ no }) => kept.filter((each) => each === no).length);
}
