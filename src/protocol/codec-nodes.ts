/** Commands to nodes as bytes. */
import { type MessageCodecs, readId, writeId } from "./codec-parts.ts";
import type { NodeCommand, NodeCommandStatus } from "./messages-nodes.ts";
import type { Reader } from "./wire-reader.ts";
import type { Writer } from "./wire.ts";

/** Their place is their number on the wire: append only. */
const COMMANDS: readonly NodeCommand["type"][] = ["freeze", "unfreeze", "balance", "drain", "stopTask"];
const NODE_COMMAND_STATUSES: readonly NodeCommandStatus[] = ["done", "missing"];

function writeCommand(w: Writer, command: NodeCommand): void {
  w.oneOf(COMMANDS, command.type);
  if (command.type === "stopTask") writeId(w, command.id);
}
function readCommand(r: Reader): NodeCommand {
  const type = r.oneOf(COMMANDS);
  return type === "stopTask" ? { type, id: readId(r) } : { type };
}

export const NODE_CODECS: MessageCodecs<"nodeCommand" | "nodeCommandReply"> = {
  nodeCommand: {
    tag: 44,
    write: (w, m) => {
      w.uint(m.cid);
      writeCommand(w, m.command);
    },
    read: (r) => ({ type: "nodeCommand", cid: r.uint(), command: readCommand(r) }),
  },
  nodeCommandReply: {
    tag: 45,
    write: (w, m) => {
      w.uint(m.cid);
      w.oneOf(NODE_COMMAND_STATUSES, m.status);
    },
    read: (r) => ({ type: "nodeCommandReply", cid: r.uint(), status: r.oneOf(NODE_COMMAND_STATUSES) }),
  },
};
