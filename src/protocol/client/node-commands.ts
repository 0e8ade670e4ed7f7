/**
 * Commands to nodes on their way: sent to the node, again until it answers or the asker gives up; and those
 * that came to this node, each done once. What a command does is the host's business.
 */
import type { Input } from "../model/contract.ts";
import type { Context } from "../context/context.ts";
import { LIMITS } from "../model/limits.ts";
import type {
  NodeCommand,
  NodeCommandMessage,
  NodeCommandReplyMessage,
  NodeCommandStatus,
} from "../model/messages.ts";
import type { MemberNo, NodeId } from "../model/types.ts";

interface Asked {
  readonly node: NodeId;
  readonly command: NodeCommand;
  sentMs: number;
}
interface Taken {
  /** Who asked last: an asker that lost its member asks again through another. */
  from: MemberNo;
  /** Null while the host is at it. */
  status: NodeCommandStatus | null;
}

export type NodeCommandInput = Extract<
  Input,
  { readonly type: "nodeCommand" | "nodeCommandDone" | "nodeCommandCancel" }
>;

export class NodeCommands {
  readonly #context: Context;
  readonly #asked: Map<number, Asked> = new Map();
  /** The last ones, oldest first. */
  readonly #taken: Map<number, Taken> = new Map();

  constructor(context: Context) {
    this.#context = context;
  }

  input(input: NodeCommandInput): void {
    switch (input.type) {
      case "nodeCommand": {
        const asked = { node: input.node, command: input.command, sentMs: 0 };
        this.#asked.set(input.cid, asked);
        return this.#send(input.cid, asked);
      }
      case "nodeCommandDone":
        return this.#done(input.cid, input.status);
      case "nodeCommandCancel":
        this.#asked.delete(input.cid);
        return;
      default:
        return input satisfies never;
    }
  }

  #send(cid: number, asked: Asked): void {
    const { node, command } = asked;
    asked.sentMs = this.#context.clock.monoMs;
    const no = node === this.#context.options.self ? this.#context.self : this.#context.noOf(node);
    // before there is a roster the own number is that of nobody, too
    if (no < 0 && node !== this.#context.options.self) return;
    this.#context.send(no, { type: "nodeCommand", cid, command });
  }

  tick(): void {
    const overdueMs = this.#context.clock.monoMs - this.#context.options.resendMs;
    for (const [cid, asked] of this.#asked) if (asked.sentMs <= overdueMs) this.#send(cid, asked);
  }

  onCommand(from: MemberNo, { cid, command }: NodeCommandMessage): void {
    const known = this.#taken.get(cid);
    if (known) {
      known.from = from;
      if (known.status !== null) this.#reply(cid, known.from, known.status);
      return;
    }
    this.#taken.set(cid, { from, status: null });
    if (this.#taken.size > LIMITS.nodeCommandsMax) this.#taken.delete(this.#taken.keys().next().value!);
    this.#context.event({ type: "nodeCommand", cid, command });
  }

  #done(cid: number, status: NodeCommandStatus): void {
    const taken = this.#taken.get(cid);
    if (!taken) return;
    taken.status = status;
    this.#reply(cid, taken.from, status);
  }

  #reply(cid: number, to: MemberNo, status: NodeCommandStatus): void {
    this.#context.send(to, { type: "nodeCommandReply", cid, status });
  }

  onReply(from: MemberNo, { cid, status }: NodeCommandReplyMessage): void {
    const asked = this.#asked.get(cid);
    if (!asked) return;
    const isAsked = from === this.#context.self
      ? asked.node === this.#context.options.self
      : from === this.#context.noOf(asked.node);
    if (!isAsked) return;
    this.#asked.delete(cid);
    this.#context.event({ type: "nodeCommandAnswered", cid, status });
  }
}
