/**
 * Takes each message to the part that it is for. Only members speak the protocol, and only in their own name.
 */
import type { Heartbeats } from "./heartbeats.ts";
import { isSameBallot } from "./model/ballot.ts";
import type { Input } from "./model/contract.ts";
import type { AttachReplyMessage, DemandMessage, Message, RelayMessage } from "./model/messages.ts";
import type { MemberNo, NodeId } from "./model/types.ts";
import type { Roles } from "./roles.ts";

type StewardMessage = Extract<
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
  readonly #roles: Roles;
  readonly #heartbeats: Heartbeats;

  constructor(roles: Roles, heartbeats: Heartbeats) {
    this.#roles = roles;
    this.#heartbeats = heartbeats;
  }

  /** From another node. */
  receive(from: NodeId, message: Message): void {
    const { context, founding, joining, membership } = this.#roles;
    switch (message.type) {
      case "found":
        if (context.roster) membership.greet(from);
        else founding.onFound(from, message);
        return;
      case "roster":
        return joining.onRoster(from, message);
      case "join":
        if (context.roster) membership.onJoin(from, message);
        return;
      case "joinRefused":
        if (message.id === context.options.self) context.event({ type: "refused", reason: message.reason });
        return;
    }
    if (!context.roster) return;
    const no = context.noOf(from);
    if (no < 0) {
      // it does not know yet that it is out, or in another cluster
      if (message.type === "heartbeat") membership.greet(from);
      return;
    }
    const speaker = this.#speakerOf(no, message);
    if (speaker === undefined || speaker === no) return this.deliver(no, message);
    // a number that is nobody's: the node had it before it left and joined again
    if (!context.memberByNo.has(speaker)) return;
    context.event({ type: "rejected", from, reason: `a ${message.type} under another node's ballot` });
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
      case "fetchCopy":
      case "rosterPrepare":
      case "rosterAccept":
        return message.ballot.node;
      case "leave":
        return message.no;
      case "attach":
        return message.node;
      case "heartbeat":
        return message.terms.find((term) => term.ballot.node !== from)?.ballot.node;
      default:
        return undefined;
    }
  }

  deliver(from: MemberNo, message: Message): void {
    if (message.type === "relay") return this.#onRelay(from, message);
    if ("ballot" in message) this.#roles.context.see(message.ballot);
    switch (message.type) {
      case "heartbeat":
        return this.#heartbeats.onHeartbeat(from, message);
      case "heartbeatReply":
        return this.#heartbeats.onHeartbeatReply(from, message);
      case "credit":
        return this.#roles.dispatcher.onCredit(from, message);
      case "creditReply":
        return this.#roles.credit.onReply(from, message);
      case "demand":
        return this.#onDemand(from, message);
      case "attachReply":
        return this.#onAttachReply(from, message);
      case "grant":
        return this.#roles.holder.onGrant(from, message);
      case "settleReply":
        return this.#roles.holder.onSettleReply(message);
      case "submitReply":
        return this.#roles.requests.onSubmitReply(message);
      case "commandReply":
        return this.#roles.requests.onCommandReply(message);
      case "deliver":
        return this.#roles.holder.onDeliver(message);
      case "queryReply":
        return this.#roles.requests.onQueryReply(message);
      case "outcome":
        for (const { no, outcome } of message.items) this.#roles.requests.onOutcome(no, outcome);
        return;
      case "nodeCommand":
        return this.#roles.nodeCommands.onCommand(from, message);
      case "nodeCommandReply":
        return this.#roles.nodeCommands.onReply(from, message);
      case "leave":
        return this.#roles.membership.onLeave(message);
      case "steward":
        return this.#heartbeats.learnTerm(message.p, message.ballot);
      case "rosterPrepare":
        return this.#roles.membership.onPrepare(from, message);
      case "rosterPromise":
        return this.#roles.membership.register.onPromise(from, message);
      case "rosterAccept":
        return this.#roles.membership.onAccept(from, message);
      case "rosterAccepted":
        return this.#roles.membership.register.onAccepted(from, message);
      case "found":
      case "roster":
      case "join":
      case "joinRefused":
        return;
      case "seal":
        return this.#roles.keepers.at(message.p, message.cfg)?.onSeal(from, message);
      case "fetchCopy":
        return this.#roles.keepers.at(message.p, message.cfg)?.onFetch(from, message);
      case "sealed":
        return this.#roles.keepers.at(message.p, message.ballot.cfg)?.election.onSealed(from, message);
      case "copyChunk":
        return this.#roles.keepers.at(message.p, message.ballot.cfg)?.election.onCopyChunk(from, message);
      case "settle":
      case "submit":
      case "watch":
      case "query":
      case "command":
        return this.#atSteward(from, message);
      default:
        return this.#atKeeper(from, message);
    }
  }

  /**
   * One hop: what is for this node comes from whoever it says, what is for another one goes to that itself,
   * at once or not at all. So an old question never gets younger on its way.
   */
  #onRelay(from: MemberNo, relay: RelayMessage): void {
    const { context } = this.#roles;
    if (relay.to === context.self) {
      if (relay.from !== context.self && context.memberByNo.has(relay.from)) {
        this.deliver(relay.from, relay.message);
      }
      return;
    }
    if (relay.from === from) context.send(relay.to, relay);
  }

  /** In a large cluster nothing else may show that the steward is there for this node, too. */
  #onAttachReply(from: MemberNo, message: AttachReplyMessage): void {
    const { credit, liveness, holder } = this.#roles;
    if (liveness.heard(from, message.ballot.boot)) credit.open(from);
    holder.onAttachReply(message);
  }

  #onDemand(from: MemberNo, message: DemandMessage): void {
    if (message.backlog > 0 && this.#hasAttachedForDemand(from, message.boot)) return;
    this.#roles.credit.onDemand(from, message);
  }

  /**
   * In a large cluster: a steward has tasks, perhaps for nodes that are not attached to it
   * (steward/demand.ts).
   */
  #hasAttachedForDemand(from: MemberNo, boot: number): boolean {
    const { context, credit, liveness, holder } = this.#roles;
    if (!context.topology.isLarge || !liveness.heard(from, boot)) return false;
    // it may be attached already, by an earlier demand of the steward
    credit.open(from);
    if (!credit.hasRoom) return false;
    const partitions = holder.onDemandFrom(from);
    if (partitions.length === 0) return false;
    this.#heartbeats.sendTo(context.topology.keepersOf(partitions));
    return true;
  }

  /** What any steward of the partition takes, whatever its ballot. */
  #atSteward(from: MemberNo, message: StewardMessage): void {
    const term = this.#roles.keepers.ofSteward(message.p)?.term;
    if (!term) return this.#direct(from, message.p);
    const steward = this.#roles.stewards.of(term);
    const isOfAnyTerm = message.type !== "submit" && message.type !== "command";
    if (!isOfAnyTerm && !isSameBallot(message.ballot, term.ballot)) return this.#direct(from, message.p);
    switch (message.type) {
      case "settle":
        return steward.onSettle(from, message);
      case "submit":
        return steward.clientService.onSubmit(from, message);
      case "watch":
        return steward.clientService.onWatch(from, message);
      case "query":
        return steward.clientService.onQuery(from, message);
      case "command":
        return steward.commands.onCommand(from, message);
    }
  }

  /** Reports who the steward is, to one who may have no other way to know. */
  #direct(to: MemberNo, p: number): void {
    const { context, holder, keepers } = this.#roles;
    const own = keepers.ofSteward(p)?.term?.ballot;
    const ballot = own ?? holder.termOf(p);
    if (!ballot || to === context.self || (!own && ballot.node === context.self)) return;
    context.send(to, { type: "steward", p, ballot });
  }

  /** Messages about one partition, for its keeper here or for the steward that it is. */
  #atKeeper(from: MemberNo, message: KeeperMessage): void {
    const keeper = this.#roles.keepers.at(message.p, message.ballot.cfg);
    if (!keeper) return;
    switch (message.type) {
      case "prepare":
        return keeper.onPrepare(from, message);
      case "promise":
        return keeper.election.onPromise(from, message);
      case "transfer":
        return keeper.onTransfer(from, message);
      case "append":
        this.#heartbeats.learnTerm(message.p, message.ballot);
        return keeper.onAppend(from, message);
      case "snapshot":
        this.#heartbeats.learnTerm(message.p, message.ballot);
        return keeper.onSnapshot(from, message);
      case "refuse":
        return keeper.onRefuse(message.ballot, message.promised);
    }
    const { term } = keeper;
    if (!term) return;
    if (message.type !== "attach" && !isSameBallot(message.ballot, term.ballot)) return;
    switch (message.type) {
      case "appendReply":
        return term.onAppendReply(from, message);
      case "snapshotReply":
        return term.onSnapshotReply(from, message);
      case "attach":
        return this.#roles.stewards.of(term).onAttach(from, message);
      case "grantAck":
        return this.#roles.stewards.of(term).onGrantAck(message.fences);
    }
  }
}

/** Streams to other nodes that open, close, or take no bulk for a while: who has to know of it. */
export class Connections {
  readonly #roles: Roles;
  readonly #heartbeats: Heartbeats;

  constructor(roles: Roles, heartbeats: Heartbeats) {
    this.#roles = roles;
    this.#heartbeats = heartbeats;
  }

  congested({ node, on }: Extract<Input, { readonly type: "congested" }>): void {
    const { context, keepers } = this.#roles;
    const no = context.noOf(node);
    if (on) context.congested.add(no);
    else if (context.congested.delete(no)) {
      for (const { term } of keepers.all) if (term) context.dirty.add(term);
    }
  }

  peer(input: Extract<Input, { readonly type: "peer" }>): void {
    const { node, up, candidate } = input;
    const { context, founding, membership, holder, liveness, requests } = this.#roles;
    const no = context.noOf(node);
    this.#heartbeats.linksChanged();
    if (!up) return this.#down(node, no, input.isClosed ?? false);
    context.connected.add(node);
    context.congested.delete(no);
    if (candidate) founding.seen(node, candidate);
    if (context.roster) {
      if (no >= 0) context.sendToId(node, this.#heartbeats.message());
      else membership.greet(node);
    }
    if (no < 0) return;
    liveness.connectedTo(no);
    holder.onPeerUp(no);
    context.roster!.chains.forEach((_, p) => {
      if (holder.termOf(p)?.node === no) requests.stewardMoved(p);
    });
  }

  #down(node: string, no: MemberNo, isClosed: boolean): void {
    const { context, dispatcher, credit, holder, keepers, liveness } = this.#roles;
    context.connected.delete(node);
    context.congested.delete(no);
    if (no < 0) return;
    liveness.disconnected(no, isClosed);
    dispatcher.forget(no);
    credit.close(no);
    holder.onPeerDown(no);
    for (const keeper of keepers.all) {
      if (holder.termOf(keeper.p)?.node === no) keeper.stewardGone();
    }
  }
}
