/** Cuts a message that is too long for its list or its frame into several that say the same together. */
import type { Message } from "./messages.ts";

/** Two messages, to be sent in this order, or null when the message cannot be cut. */
export function halvesOf(message: Message): readonly Message[] | null {
  switch (message.type) {
    case "append": {
      const cut = cutOf(message.entries);
      if (cut === 0) return null;
      const prevBallot = message.entries[cut - 1]!.ballot;
      return [
        { ...message, entries: message.entries.slice(0, cut) },
        { ...message, prevIndex: message.prevIndex + cut, prevBallot, entries: message.entries.slice(cut) },
      ];
    }
    case "grant":
      return halves(message.tasks, (tasks) => ({ ...message, tasks }));
    case "grantAck":
      return halves(message.fences, (fences) => ({ ...message, fences }));
    case "settle":
      return halves(message.items, (items) => ({ ...message, items }));
    case "settleReply":
      return halves(message.items, (items) => ({ ...message, items }));
    case "submit":
      return halves(message.items, (items) => ({ ...message, items }));
    case "submitReply":
      return halves(message.items, (items) => ({ ...message, items }));
    case "watch":
      return halves(message.ids, (ids) => ({ ...message, ids }));
    case "outcome":
      return halves(message.items, (items) => ({ ...message, items }));
    default:
      return null;
  }
}

function halves<T>(list: readonly T[], make: (part: readonly T[]) => Message): readonly Message[] | null {
  const cut = cutOf(list);
  return cut === 0 ? null : [make(list.slice(0, cut)), make(list.slice(cut))];
}

function cutOf(list: readonly unknown[]): number {
  return list.length >> 1;
}
