/** Messages about commands to tasks as bytes. */
import {
  type MessageCodecs,
  readId,
  readList,
  readPartition,
  writeId,
  writeList,
  writePartition,
} from "./codec-parts.ts";
import { readQueued, readTaskMessage, writeQueued, writeTaskMessage } from "./codec-tasks.ts";
import { LIMITS } from "./limits.ts";
import type { CommandStatus, Delivery } from "./messages-commands.ts";
import type { Reader } from "./wire-reader.ts";
import type { Writer } from "./wire.ts";

/** Their place is their number on the wire: append only. */
const COMMAND_STATUSES: readonly CommandStatus[] = [
  "applied",
  "queued",
  "unknown",
  "ended",
  "invalid",
  "busy",
];

function writeDelivery(w: Writer, { id, fence, commands }: Delivery): void {
  writeId(w, id);
  w.uint(fence);
  writeList(w, LIMITS.commandsQueuedMax, commands, writeQueued);
}
function readDelivery(r: Reader): Delivery {
  return { id: readId(r), fence: r.uint(), commands: readList(r, LIMITS.commandsQueuedMax, readQueued) };
}

export const COMMAND_CODECS: MessageCodecs<"command" | "commandReply" | "deliver"> = {
  command: {
    tag: 40,
    write: (w, m) => {
      w.uint(m.rid);
      writePartition(w, m.p);
      writeId(w, m.id);
      w.uint(m.cid);
      writeTaskMessage(w, m.message);
    },
    read: (r) => ({
      type: "command",
      rid: r.uint(),
      p: readPartition(r),
      id: readId(r),
      cid: r.uint(),
      message: readTaskMessage(r),
    }),
  },
  commandReply: {
    tag: 41,
    write: (w, m) => {
      w.uint(m.rid);
      writePartition(w, m.p);
      w.oneOf(COMMAND_STATUSES, m.status);
    },
    read: (r) => ({
      type: "commandReply",
      rid: r.uint(),
      p: readPartition(r),
      status: r.oneOf(COMMAND_STATUSES),
    }),
  },
  deliver: {
    tag: 42,
    write: (w, m) => {
      writePartition(w, m.p);
      writeList(w, LIMITS.itemsPerMessageMax, m.items, writeDelivery);
    },
    read: (r) => ({
      type: "deliver",
      p: readPartition(r),
      items: readList(r, LIMITS.itemsPerMessageMax, readDelivery),
    }),
  },
};
