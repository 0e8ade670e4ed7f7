/**
 * Takes each message to the part that it is for. Only members speak the protocol, and only in their own name.
 */
import type { Beats } from "./heartbeats.ts";
import { isSameBallot } from "./model/ballot.ts";
import type { Input } from "./model/contract.ts";
import type { AttachReplyMessage, Message } from "./model/messages.ts";
import type { MemberNo, NodeId } from "./model/types.ts";
import type { Parts } from "./roles.ts";

type DeskMessage = Extract<
  Message,
  { readonly type: "settle" | "submit" | "watch" | "query" | "command" }
>;
type KeeperMessage = Extract<
  Message,
  {
    readonly type:
      | "prepare"
      | "promise"
      | "transfer"
      | "append"
      | "snapshot"
      | "refuse"
      | "appendReply"
      | "snapshotReply"
      | "attach"
      | "grantAck";
  }
>;

export class Router {
  readonly #parts: Parts;
  readonly #beats: Beats;

  constructor(parts: Parts, beats: Beats) {
    this.#parts = parts;
    this.#beats = beats;
  }

  /** From another node. */
  receive(from: NodeId, message: Message): void {
    const { core, founding, joining, membership } = this.#parts;
    switch (message.type) {
      case "found":
        if (core.roster) membership.greet(from);
        else founding.onFound(from, message);
        return;
      case "roster":
        return joining.onRoster(from, message);
      case "join":
        if (core.roster) membership.onJoin(from, message);
        return;
      case "joinRefused":
        if (message.id === core.options.self) core.event({ type: "refused", reason: message.reason });
        return;
    }
    if (!core.roster) return;
    const no = core.noOf(from);
    if (no < 0) {
      // it does not know yet that it is out, or in another cluster
      if (message.type === "beat") membership.greet(from);
      return;
    }
    const speaker = this.#speakerOf(no, message);
    if (speaker === undefined || speaker === no) return this.deliver(no, message);
    // a number that is nobody's: the node had it before it left and joined again
    if (!core.memberByNo.has(speaker)) return;
    core.event({ type: "rejected", from, reason: `a ${message.type} under another node's ballot` });
  }

  /** Who must have sent it by what it says, if it says. */
  #speakerOf(from: MemberNo, message: Message): MemberNo | undefined {
    switch (message.type) {
      case "prepare":
      case "append":
      case "snapshot":
      case "transfer":
      case "grant":
      case "seal":
      case "inherit":
      case "rosterPrepare":
      case "rosterAccept":
        return message.ballot.node;
      case "leave":
        return message.no;
      case "attach":
        return message.node;
      case "beat":
        return message.reigns.find((reign) => reign.ballot.node !== from)?.ballot.node;
      default:
        return undefined;
    }
  }

  deliver(from: MemberNo, message: Message): void {
    if ("ballot" in message) this.#parts.core.see(message.ballot);
    switch (message.type) {
      case "beat":
        return this.#beats.onBeat(from, message);
      case "beatReply":
        return this.#beats.onBeatReply(from, message);
      case "credit":
        return this.#parts.dispatcher.onCredit(from, message);
      case "creditReply":
        return this.#parts.credit.onReply(from, message);
      case "hungry":
        if (message.backlog > 0 && this.#hasAnsweredCall(from, message.boot)) return;
        return this.#parts.credit.onHungry(from, message);
      case "attachReply":
        return this.#onAttachReply(from, message);
      case "grant":
        return this.#parts.worker.onGrant(from, message);
      case "settleReply":
        return this.#parts.worker.onSettleReply(message);
      case "submitReply":
        return this.#parts.requests.onSubmitReply(message);
      case "commandReply":
        return this.#parts.requests.onCommandReply(message);
      case "deliver":
        return this.#parts.worker.onDeliver(message);
      case "queryReply":
        return this.#parts.requests.onQueryReply(message);
      case "outcome":
        for (const outcome of message.items) this.#parts.requests.onOutcome(outcome);
        return;
      case "nodeCommand":
        return this.#parts.nodeCommands.onCommand(from, message);
      case "nodeCommandReply":
        return this.#parts.nodeCommands.onReply(from, message);
      case "leave":
        return this.#parts.membership.onLeave(message);
      case "steward":
        return this.#beats.learnReign(message.p, message.ballot);
      case "rosterPrepare":
        return this.#parts.membership.onPrepare(from, message);
      case "rosterPromise":
        return this.#parts.membership.register.onPromise(from, message);
      case "rosterAccept":
        return this.#parts.membership.onAccept(from, message);
      case "rosterAccepted":
        return this.#parts.membership.register.onAccepted(from, message);
      case "found":
      case "roster":
      case "join":
      case "joinRefused":
        return;
      case "seal":
        return this.#parts.keepers.at(message.p, message.cfg)?.onSeal(from, message);
      case "inherit":
        return this.#parts.keepers.at(message.p, message.cfg)?.onFetch(from, message);
      case "sealed":
        return this.#parts.keepers.at(message.p, message.ballot.cfg)?.election.onSealed(from, message);
      case "image":
        return this.#parts.keepers.at(message.p, message.ballot.cfg)?.election.onImage(from, message);
      case "settle":
      case "submit":
      case "watch":
      case "query":
      case "command":
        return this.#atDesk(from, message);
      default:
        return this.#atKeeper(from, message);
    }
  }

  /** In a large cluster nothing else may tell that the steward is there for this node, too. */
  #onAttachReply(from: MemberNo, message: AttachReplyMessage): void {
    const { credit, sessions, worker } = this.#parts;
    if (sessions.heard(from, message.ballot.boot)) credit.open(from);
    worker.onAttachReply(message);
  }

  /** In a large cluster: a steward has tasks, perhaps for nodes that are not attached to it (demand.ts). */
  #hasAnsweredCall(from: MemberNo, boot: number): boolean {
    const { core, credit, sessions, worker } = this.#parts;
    if (!core.reach.isLarge || !sessions.heard(from, boot)) return false;
    // it may be attached already, by a call of the steward before
    credit.open(from);
    if (!credit.hasRoom) return false;
    const partitions = worker.onCalled(from);
    if (partitions.length === 0) return false;
    this.#beats.sendTo(core.reach.keepersOf(partitions));
    return true;
  }

  /** What any steward of the partition takes, whatever its ballot. */
  #atDesk(from: MemberNo, message: DeskMessage): void {
    const reign = this.#parts.keepers.reigning(message.p)?.reign;
    if (!reign) return this.#direct(from, message.p);
    const desk = this.#parts.desks.of(reign);
    switch (message.type) {
      case "settle":
        return desk.onSettle(from, message);
      case "submit":
        return desk.inquiries.onSubmit(from, message);
      case "watch":
        return desk.inquiries.onWatch(from, message);
      case "query":
        return desk.inquiries.onQuery(from, message);
      case "command":
        return desk.commands.onCommand(from, message);
    }
  }

  /** Tells who reigns, to one who may have no other way to know. */
  #direct(to: MemberNo, p: number): void {
    const ballot = this.#parts.worker.reignOf(p);
    if (!ballot || ballot.node === this.#parts.core.self || to === this.#parts.core.self) return;
    this.#parts.core.send(to, { type: "steward", p, ballot });
  }

  /** Messages about one partition, for its keeper here or for the steward that it is. */
  #atKeeper(from: MemberNo, message: KeeperMessage): void {
    const keeper = this.#parts.keepers.at(message.p, message.ballot.cfg);
    if (!keeper) return;
    switch (message.type) {
      case "prepare":
        return keeper.onPrepare(from, message);
      case "promise":
        return keeper.election.onPromise(from, message);
      case "transfer":
        return keeper.onTransfer(from, message);
      case "append":
        this.#beats.learnReign(message.p, message.ballot);
        return keeper.onAppend(from, message);
      case "snapshot":
        this.#beats.learnReign(message.p, message.ballot);
        return keeper.onSnapshot(from, message);
      case "refuse":
        return keeper.onRefuse(message.ballot, message.promised);
    }
    const { reign } = keeper;
    if (!reign) return;
    if (message.type !== "attach" && !isSameBallot(message.ballot, reign.ballot)) return;
    switch (message.type) {
      case "appendReply":
        return reign.onAppendReply(from, message);
      case "snapshotReply":
        return reign.onSnapshotReply(from, message);
      case "attach":
        return this.#parts.desks.of(reign).onAttach(from, message);
      case "grantAck":
        return this.#parts.desks.of(reign).onGrantAck(message.fences);
    }
  }
}

/** Streams to other nodes that open, close, or take no bulk for a while: who has to know of it. */
export class Connections {
  readonly #parts: Parts;
  readonly #beats: Beats;

  constructor(parts: Parts, beats: Beats) {
    this.#parts = parts;
    this.#beats = beats;
  }

  congested({ node, on }: Extract<Input, { readonly type: "congested" }>): void {
    const { core, keepers } = this.#parts;
    const no = core.noOf(node);
    if (on) core.congested.add(no);
    else if (core.congested.delete(no)) {
      for (const { reign } of keepers.all) if (reign) core.dirty.add(reign);
    }
  }

  peer(input: Extract<Input, { readonly type: "peer" }>): void {
    const { node, up, candidate } = input;
    const { core, founding, membership, worker, requests } = this.#parts;
    const no = core.noOf(node);
    if (!up) return this.#down(node, no);
    core.connected.add(node);
    core.congested.delete(no);
    if (candidate) founding.seen(node, candidate);
    if (core.roster) {
      if (no >= 0) core.sendToId(node, this.#beats.message());
      else membership.greet(node);
    }
    if (no < 0) return;
    worker.onPeerUp(no);
    core.roster!.chains.forEach((_, p) => {
      if (worker.reignOf(p)?.node === no) requests.stewardMoved(p);
    });
  }

  #down(node: string, no: MemberNo): void {
    const { core, dispatcher, credit, worker, keepers } = this.#parts;
    core.connected.delete(node);
    core.congested.delete(no);
    if (no < 0) return;
    dispatcher.forget(no);
    credit.close(no);
    worker.onPeerDown(no);
    for (const keeper of keepers.all) {
      if (worker.reignOf(keeper.p)?.node === no) keeper.stewardGone();
    }
  }
}
