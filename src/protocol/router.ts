/**
 * Takes each message to the part that it is for. Only members speak the protocol, and only in their own name.
 */
import { isSameBallot } from "./ballot.ts";
import type { Beats } from "./beats.ts";
import type { Message } from "./messages.ts";
import type { Parts } from "./parts.ts";
import type { MemberNo, NodeId, Roster } from "./types.ts";

export class Router {
  readonly #parts: Parts;
  readonly #beats: Beats;
  readonly #adopt: (roster: Roster) => void;

  constructor(parts: Parts, beats: Beats, adopt: (roster: Roster) => void) {
    this.#parts = parts;
    this.#beats = beats;
    this.#adopt = adopt;
  }

  /** From another node. */
  receive(from: NodeId, message: Message): void {
    const core = this.#parts.core;
    if (message.type === "found") {
      if (core.roster) core.sendToId(from, { type: "roster", roster: core.roster });
      else this.#parts.founding.onFound(from, message);
      return;
    }
    if (message.type === "roster") {
      const isForMe = message.roster.members.some((member) => member.id === core.options.self);
      if (!core.roster && isForMe) this.#adopt(message.roster);
      return;
    }
    const no = core.noOf(from);
    if (no < 0) return;
    const forged = this.#isForged(no, message);
    if (forged) {
      core.event({ type: "rejected", from, reason: `a ${message.type} under another node's ballot` });
    } else this.deliver(no, message);
  }

  #isForged(from: MemberNo, message: Message): boolean {
    switch (message.type) {
      case "prepare":
      case "append":
      case "snapshot":
      case "transfer":
      case "grant":
        return message.ballot.node !== from;
      case "beat":
        return message.reigns.some((reign) => reign.ballot.node !== from);
      default:
        return false;
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
        return this.#parts.credit.onHungry(from, message);
      case "attachReply":
        return this.#parts.worker.onAttachReply(message);
      case "grant":
        return this.#parts.worker.onGrant(from, message);
      case "settleReply":
        return this.#parts.worker.onSettleReply(message);
      case "submitReply":
        return this.#parts.requests.onSubmitReply(message);
      case "queryReply":
        return this.#parts.requests.onQueryReply(message);
      case "outcome":
        for (const outcome of message.items) this.#parts.requests.onOutcome(outcome);
        return;
      case "found":
      case "roster":
        return;
      default:
        return this.#atKeeper(from, message);
    }
  }

  /** Messages about one partition, for its keeper here or for the steward that it is. */
  #atKeeper(from: MemberNo, message: Exclude<Message, { type: "found" | "roster" }> & { p?: number }): void {
    const keeper = this.#parts.keepers.get(message.p ?? -1);
    if (!keeper) return;
    if ("ballot" in message && message.ballot.cfg !== keeper.cfg) return;
    switch (message.type) {
      case "prepare":
        return keeper.onPrepare(from, message);
      case "promise":
        return keeper.onPromise(from, message);
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
    if ("ballot" in message && message.type !== "attach" && !isSameBallot(message.ballot, reign.ballot)) {
      return;
    }
    switch (message.type) {
      case "appendReply":
        return reign.onAppendReply(from, message);
      case "snapshotReply":
        return reign.onSnapshotReply(from, message);
      case "attach":
        return reign.desk.onAttach(from, message);
      case "grantAck":
        return reign.desk.onGrantAck(message.fences);
      case "settle":
        return reign.desk.onSettle(from, message);
      case "submit":
        return reign.desk.inquiries.onSubmit(from, message);
      case "watch":
        return reign.desk.inquiries.onWatch(from, message);
      case "query":
        return reign.desk.inquiries.onQuery(from, message);
    }
  }
}
