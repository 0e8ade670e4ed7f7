/**
 * The virtual network: frames between nodes with delays, loss, duplicates and cuts of single directions, and
 * the news of streams that open and close. A silent cut is noticed by nobody. What is cut when is chaos.ts's
 * business.
 */
import type { CandidateInfo, Input } from "../protocol/model/contract.ts";
import type { Message } from "../protocol/model/messages.ts";
import { Rng } from "../testing/rng.ts";
import type { World } from "./world.ts";

/** A node that is connected. */
interface ConnectedNode {
  readonly no: number;
  readonly id: string;
  readonly candidate: CandidateInfo;
  readonly up: boolean;
  readonly life: number;
  /** What it says in its hellos; "" = none. */
  readonly cluster: string;
  /** Whose address it was given. */
  readonly world: unknown;
  receive(inputs: readonly Input[]): void;
}

interface ConnectedWorld extends World {
  /** By their numbers. */
  readonly nodes: readonly ConnectedNode[];
}

/** Looks at what the node with that number sends, before it is known whether it arrives. */
type SendListener = (from: number, messages: readonly Message[]) => void;

/** What becomes of a message: "" = what chance wants, or "lost", or it comes so many ms later. */
export type Fate = "" | "lost" | number;
type Judge = (from: number, to: number, message: Message) => Fate;

export class VirtualNetwork {
  readonly #world: ConnectedWorld;
  readonly #rng: Rng;
  /** Drawn apart: a run without resets is what it was. */
  readonly #resetRng: Rng;
  readonly #size: number;
  /** Per direction: how many cuts lie on it, and when its last frame arrives. */
  readonly #cuts: Int32Array;
  readonly #lastMs: Float64Array;
  /** `believes[a * size + b]`: node a believes that it is connected to b. */
  readonly #believes: Uint8Array;
  readonly #nodeById: Map<string, ConnectedNode> = new Map();
  readonly #listeners: SendListener[] = [];
  #judge: Judge | null = null;

  constructor(world: ConnectedWorld) {
    const { seed, nodeCount: size } = world.plan;
    this.#world = world;
    this.#rng = new Rng(seed, 2);
    this.#resetRng = new Rng(seed, 24);
    this.#size = size;
    this.#cuts = new Int32Array(size * size);
    this.#lastMs = new Float64Array(size * size);
    this.#believes = new Uint8Array(size * size);
  }

  onSend(listener: SendListener): void {
    this.#listeners.push(listener);
  }

  /** From now on `judge` decides before chance does. */
  judgeBy(judge: Judge): void {
    this.#judge = judge;
  }

  #nodeOf(id: string): ConnectedNode | undefined {
    let node = this.#nodeById.get(id);
    if (node?.id === id && node === this.#world.nodes[node.no]) return node;
    node = this.#world.nodes.find((each) => each.id === id);
    if (node) this.#nodeById.set(id, node);
    return node;
  }

  send(from: ConnectedNode, toId: string, messages: readonly Message[]): void {
    const to = this.#nodeOf(toId);
    if (!to || isApart(from, to)) return;
    for (const listener of this.#listeners) listener(from.no, messages);
    const link = from.no * this.#size + to.no;
    if (this.#cuts[link]! > 0) return;
    if (this.#judge) return this.#sendJudged(from, to, messages, link);
    this.#sendFrames(from, to, messages, link);
  }

  #sendJudged(from: ConnectedNode, to: ConnectedNode, messages: readonly Message[], link: number): void {
    const usual: Message[] = [];
    for (const message of messages) {
      const fate = this.#judge!(from.no, to.no, message);
      if (fate === "") usual.push(message);
      else if (fate !== "lost") this.#carry(from, to, [message], fate, -1);
    }
    if (usual.length > 0) this.#sendFrames(from, to, usual, link);
  }

  #sendFrames(from: ConnectedNode, to: ConnectedNode, messages: readonly Message[], link: number): void {
    // a big frame is several: each chunk has its own fate
    if (messages.length > 1 && this.#world.plan.faults.split) {
      for (const message of messages) this.#sendFrame(from, to, [message], link);
    } else this.#sendFrame(from, to, messages, link);
  }

  #sendFrame(from: ConnectedNode, to: ConnectedNode, messages: readonly Message[], link: number): void {
    const { plan, calm } = this.#world;
    if (!calm && this.#rng.chance(plan.faults.loss)) return;
    this.#carry(from, to, messages, this.#delayMs(), link);
    if (!calm && this.#rng.chance(plan.faults.duplicate)) {
      const lateMs = this.#rng.range(0, this.#rng.chance(0.3) ? 2 * plan.leaseTtlMs : 100);
      this.#carry(from, to, messages, this.#delayMs() + lateMs, -1);
    }
  }

  #delayMs(): number {
    const { plan, calm } = this.#world;
    if (calm || !this.#rng.chance(plan.faults.slow)) return this.#rng.range(0.5, 12);
    return this.#rng.range(50, this.#rng.chance(0.2) ? 3 * plan.leaseTtlMs : plan.leaseTtlMs / 2);
  }

  /** `link` -1: not in order with anything. */
  #carry(
    from: ConnectedNode,
    to: ConnectedNode,
    messages: readonly Message[],
    delayMs: number,
    link: number,
  ): void {
    const { schedule, plan } = this.#world;
    let atMs = schedule.nowMs + delayMs;
    if (link >= 0 && !plan.faults.reorder) {
      atMs = Math.max(atMs, this.#lastMs[link]! + 0.001);
      this.#lastMs[link] = atMs;
    }
    const [fromId, toId] = [from.id, to.id];
    schedule.after(atMs - schedule.nowMs, () => {
      if (!to.up || to.id !== toId || isApart(from, to)) return;
      to.receive(messages.map((message) => ({ type: "message", from: fromId, message })));
    });
  }

  // ---- cuts ----------------------------------------------------------------------------------------------

  isCut(a: number, b: number): boolean {
    return this.#cuts[a * this.#size + b]! > 0 || this.#cuts[b * this.#size + a]! > 0;
  }

  /** Cuts directions `[from, to]` for a while; what it returns ends the cut before that. */
  cut(directions: readonly (readonly [number, number])[], forMs: number): () => void {
    const { plan, schedule } = this.#world;
    const isNoticed = this.#rng.chance(plan.faults.notice);
    const isClosed = plan.faults.resets > 0 && this.#resetRng.chance(plan.faults.resets);
    for (const [a, b] of directions) {
      this.#cuts[a * this.#size + b]! += 1;
      if (!isNoticed) continue;
      for (const [x, y] of [[a, b], [b, a]] as const) {
        schedule.after(this.#rng.range(0, 300), () => {
          if (this.isCut(a, b)) this.#report(x, y, false, isClosed);
        });
      }
    }
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      for (const [a, b] of directions) {
        const link = a * this.#size + b;
        if (this.#cuts[link]! > 0) this.#cuts[link]! -= 1;
        this.#repairLater(a, b);
      }
    };
    schedule.after(forMs, end);
    return end;
  }

  /** No cut any more, everybody connected to everybody. */
  heal(): void {
    this.#cuts.fill(0);
    this.#lastMs.fill(0);
    for (let a = 0; a < this.#size; a++) for (let b = 0; b < a; b++) this.#repairLater(a, b);
  }

  // ---- streams -------------------------------------------------------------------------------------------

  /** A process has started: its streams open; the others may have noticed the end of its last life. */
  started(node: ConnectedNode): void {
    for (const peer of this.#world.nodes) {
      if (peer === node) continue;
      this.#believes[node.no * this.#size + peer.no] = 0;
      if (peer.up && this.#believes[peer.no * this.#size + node.no] === 1 && this.#rng.chance(0.7)) {
        this.#report(peer.no, node.no, false, true);
      } else {
        this.#believes[peer.no * this.#size + node.no] = 0;
      }
      this.#repairLater(node.no, peer.no);
    }
  }

  /** It will never speak again under this id. */
  forgotten(node: ConnectedNode): void {
    for (const peer of this.#world.nodes) {
      if (peer === node || this.#believes[peer.no * this.#size + node.no] === 0) continue;
      this.#report(peer.no, node.no, false, true);
      this.#believes[peer.no * this.#size + node.no] = 0;
    }
  }

  /** It sends everybody the cluster that it is of: the peers of another one hang up, and so does it. */
  clusterChanged(node: ConnectedNode): void {
    for (const peer of this.#world.nodes) {
      if (peer.world === node.world) continue;
      if (!isApart(node, peer)) this.#repairLater(node.no, peer.no);
      else for (const [a, b] of [[node, peer], [peer, node]] as const) this.#report(a.no, b.no, false);
    }
  }

  stopped(node: ConnectedNode): void {
    const { plan, schedule } = this.#world;
    const { life } = node;
    for (const peer of this.#world.nodes) {
      if (peer === node || !this.#rng.chance(plan.faults.notice)) continue;
      schedule.after(this.#rng.range(0, 50), () => {
        if (node.life === life) this.#report(peer.no, node.no, false, true);
      });
    }
  }

  #repairLater(a: number, b: number): void {
    this.#world.schedule.after(this.#rng.range(1, 60), () => {
      const { nodes } = this.#world;
      if (!nodes[a]!.up || !nodes[b]!.up || this.isCut(a, b) || isApart(nodes[a]!, nodes[b]!)) return;
      this.#report(a, b, true);
      this.#report(b, a, true);
    });
  }

  /** `isClosed`: of a stream that ends, by the other end. */
  #report(a: number, b: number, up: boolean, isClosed = false): void {
    const { nodes } = this.#world;
    const [node, peer] = [nodes[a]!, nodes[b]!];
    const at = a * this.#size + b;
    if (!node.up || this.#believes[at] === Number(up)) return;
    this.#believes[at] = Number(up);
    node.receive([
      up
        ? { type: "peer", node: peer.id, up, candidate: peer.candidate }
        : { type: "peer", node: peer.id, up, isClosed },
    ]);
  }
}

/**
 * Members of two clusters refuse each other, by the names in their hellos. A node of none was given the
 * addresses of one cluster only.
 */
function isApart(a: ConnectedNode, b: ConnectedNode): boolean {
  return a.world !== b.world && (a.cluster === "" || a.cluster !== b.cluster);
}
