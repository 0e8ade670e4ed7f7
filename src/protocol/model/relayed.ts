/** Which messages a third member passes on when the link of two is down: those of clients and stewards. */
import type { Message, RelayedMessage } from "./messages.ts";

const RELAYED: ReadonlySet<Message["type"]> = new Set<RelayedMessage["type"]>([
  ...["submit", "submitReply", "command", "commandReply", "query", "queryReply"] as const,
  ...["watch", "outcome", "steward"] as const,
]);

/** Of that kind are those that are passed on. */
export function isRelayed(type: Message["type"]): type is RelayedMessage["type"] {
  return RELAYED.has(type);
}
