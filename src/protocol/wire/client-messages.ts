/** Messages of clients as bytes: submits, watches and queries; commands to tasks; commands to nodes. */
import { LIMITS } from "../model/limits.ts";
import type {
  CommandStatus,
  Delivery,
  NodeCommand,
  NodeCommandStatus,
  Outcome,
  OutcomeMessage,
  SubmitMessage,
  SubmitReplyMessage,
  SubmitStatus,
  TaskQuery,
  TaskView,
  WatchMessage,
} from "../model/messages.ts";
import type { TaskState } from "../model/types.ts";
import {
  type MessageCodecs,
  readBallot,
  readBallotOrNull,
  readId,
  readList,
  readPartition,
  writeBallot,
  writeBallotOrNull,
  writeId,
  writeList,
  writePartition,
} from "./primitives.ts";
import type { Reader } from "./reader.ts";
import {
  ENDED_BECAUSE,
  QUEUED_MAX,
  readQueued,
  readSpec,
  readTaskMessage,
  readTaskRecord,
  TASK_STATES,
  writeQueued,
  writeSpec,
  writeTaskMessage,
  writeTaskRecord,
} from "./tasks.ts";
import type { Writer } from "./writer.ts";

type SubmitItem = SubmitMessage["items"][number];
type SubmitAnswer = SubmitReplyMessage["items"][number];

/** Their place is their number on the wire: append only. */
const SUBMIT_STATUSES: readonly (SubmitStatus | "busy")[] = [
  "created",
  "exists",
  "conflict",
  "tooOld",
  "busy",
  "expiresFirst",
];
const OUTCOMES: readonly (TaskState | "unknown")[] = ["unknown", ...TASK_STATES];
const FILTERS: readonly (TaskState | "")[] = ["", ...TASK_STATES];

function writeSubmitItem(w: Writer, item: SubmitItem): void {
  w.uint(item.rid);
  w.uint(item.watch);
  w.ms(item.ageMs);
  writeSpec(w, item.spec);
}
/** The payload is a window onto the frame: makeEntry stores it anew. */
function readSubmitItem(r: Reader): SubmitItem {
  return { rid: r.uint(), watch: r.uint(), ageMs: r.ms(), spec: readSpec(r) };
}

function writeSubmitAnswer(w: Writer, item: SubmitAnswer): void {
  w.uint(item.rid);
  w.oneOf(SUBMIT_STATUSES, item.status);
}
function readSubmitAnswer(r: Reader): SubmitAnswer {
  return { rid: r.uint(), status: r.oneOf(SUBMIT_STATUSES) };
}

function writeWatched(w: Writer, { id, no }: WatchMessage["items"][number]): void {
  writeId(w, id);
  w.uint(no);
}
function readWatched(r: Reader): WatchMessage["items"][number] {
  return { id: readId(r), no: r.uint() };
}

function writeOutcome(w: Writer, { no, outcome }: OutcomeMessage["items"][number]): void {
  w.uint(no);
  writeId(w, outcome.id);
  w.oneOf(OUTCOMES, outcome.state);
  w.uint(outcome.fence);
  w.uint(outcome.attempt);
  w.bytesOrNull(LIMITS.payloadBytesMax, outcome.result);
  w.text(LIMITS.errorMessageBytesMax, outcome.error);
  w.oneOf(ENDED_BECAUSE, outcome.failedBecause);
}
/** The result is a copy: it is the user's. */
function readOutcome(r: Reader): OutcomeMessage["items"][number] {
  const no = r.uint();
  const outcome: Outcome = {
    id: readId(r),
    state: r.oneOf(OUTCOMES),
    fence: r.uint(),
    attempt: r.uint(),
    result: r.copyOrNull(LIMITS.payloadBytesMax),
    error: r.text(LIMITS.errorMessageBytesMax),
    failedBecause: r.oneOf(ENDED_BECAUSE),
  };
  return { no, outcome };
}

function writeQuery(w: Writer, query: TaskQuery): void {
  switch (query.type) {
    case "get":
      w.u8(0);
      return writeId(w, query.id);
    case "list":
      w.u8(1);
      w.oneOf(FILTERS, query.state);
      writeId(w, query.after);
      return w.uint(query.limit);
    default:
      return query satisfies never;
  }
}
function readQuery(r: Reader): TaskQuery {
  const tag = r.u8();
  if (tag === 0) return { type: "get", id: readId(r) };
  if (tag === 1) return { type: "list", state: r.oneOf(FILTERS), after: readId(r), limit: r.uint() };
  return r.fail(`a query must have a kind from 0 to 1, got ${tag}`);
}

function writeTaskView(w: Writer, view: TaskView): void {
  writeTaskRecord(w, view.record);
  w.text(LIMITS.whyBytesMax, view.why);
}
function readTaskView(r: Reader): TaskView {
  return { record: readTaskRecord(r), why: r.text(LIMITS.whyBytesMax) };
}

export const CLIENT_CODECS: MessageCodecs<
  "submit" | "submitReply" | "watch" | "outcome" | "query" | "queryReply" | "steward"
> = {
  submit: {
    write: (w, m) => {
      writePartition(w, m.p);
      writeBallotOrNull(w, m.ballot);
      w.uint(m.floor);
      writeList(w, LIMITS.itemsPerMessageMax, m.items, writeSubmitItem);
    },
    read: (r) => ({
      type: "submit",
      p: readPartition(r),
      ballot: readBallotOrNull(r),
      floor: r.uint(),
      items: readList(r, LIMITS.itemsPerMessageMax, readSubmitItem),
    }),
  },
  submitReply: {
    write: (w, m) => {
      writePartition(w, m.p);
      writeBallot(w, m.ballot);
      writeList(w, LIMITS.itemsPerMessageMax, m.items, writeSubmitAnswer);
    },
    read: (r) => ({
      type: "submitReply",
      p: readPartition(r),
      ballot: readBallot(r),
      items: readList(r, LIMITS.itemsPerMessageMax, readSubmitAnswer),
    }),
  },
  watch: {
    write: (w, m) => {
      writePartition(w, m.p);
      writeList(w, LIMITS.itemsPerMessageMax, m.items, writeWatched);
    },
    read: (r) => ({
      type: "watch",
      p: readPartition(r),
      items: readList(r, LIMITS.itemsPerMessageMax, readWatched),
    }),
  },
  outcome: {
    write: (w, m) => {
      writePartition(w, m.p);
      writeList(w, LIMITS.itemsPerMessageMax, m.items, writeOutcome);
    },
    read: (r) => ({
      type: "outcome",
      p: readPartition(r),
      items: readList(r, LIMITS.itemsPerMessageMax, readOutcome),
    }),
  },
  query: {
    write: (w, m) => {
      w.uint(m.rid);
      writePartition(w, m.p);
      writeQuery(w, m.query);
    },
    read: (r) => ({ type: "query", rid: r.uint(), p: readPartition(r), query: readQuery(r) }),
  },
  queryReply: {
    write: (w, m) => {
      w.uint(m.rid);
      writePartition(w, m.p);
      writeList(w, LIMITS.itemsPerMessageMax, m.tasks, writeTaskView);
      w.bool(m.more);
    },
    read: (r) => ({
      type: "queryReply",
      rid: r.uint(),
      p: readPartition(r),
      tasks: readList(r, LIMITS.itemsPerMessageMax, readTaskView),
      more: r.bool(),
    }),
  },
  steward: {
    write: (w, m) => {
      writePartition(w, m.p);
      writeBallot(w, m.ballot);
    },
    read: (r) => ({ type: "steward", p: readPartition(r), ballot: readBallot(r) }),
  },
};

// ---- commands to tasks ------------------------------------------------------------------------------------
// Messages about commands to tasks as bytes.

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
  writeList(w, QUEUED_MAX, commands, writeQueued);
}
function readDelivery(r: Reader): Delivery {
  return { id: readId(r), fence: r.uint(), commands: readList(r, QUEUED_MAX, readQueued) };
}

export const COMMAND_CODECS: MessageCodecs<"command" | "commandReply" | "deliver"> = {
  command: {
    write: (w, m) => {
      w.uint(m.rid);
      writePartition(w, m.p);
      writeBallotOrNull(w, m.ballot);
      w.uint(m.floor);
      writeId(w, m.id);
      w.uint(m.cid);
      writeTaskMessage(w, m.message);
    },
    read: (r) => ({
      type: "command",
      rid: r.uint(),
      p: readPartition(r),
      ballot: readBallotOrNull(r),
      floor: r.uint(),
      id: readId(r),
      cid: r.uint(),
      message: readTaskMessage(r),
    }),
  },
  commandReply: {
    write: (w, m) => {
      w.uint(m.rid);
      writePartition(w, m.p);
      writeBallot(w, m.ballot);
      w.oneOf(COMMAND_STATUSES, m.status);
    },
    read: (r) => ({
      type: "commandReply",
      rid: r.uint(),
      p: readPartition(r),
      ballot: readBallot(r),
      status: r.oneOf(COMMAND_STATUSES),
    }),
  },
  deliver: {
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

// ---- commands to nodes ------------------------------------------------------------------------------------
// Commands to nodes as bytes.

/** Their place is their number on the wire: append only. */
const COMMANDS: readonly NodeCommand["type"][] = [
  ...["freeze", "unfreeze", "balance", "drain", "stopTask", "leave"] as const,
];
const NODE_COMMAND_STATUSES: readonly NodeCommandStatus[] = ["done", "missing", "refused"];

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
    write: (w, m) => {
      w.uint(m.cid);
      writeCommand(w, m.command);
    },
    read: (r) => ({ type: "nodeCommand", cid: r.uint(), command: readCommand(r) }),
  },
  nodeCommandReply: {
    write: (w, m) => {
      w.uint(m.cid);
      w.oneOf(NODE_COMMAND_STATUSES, m.status);
    },
    read: (r) => ({ type: "nodeCommandReply", cid: r.uint(), status: r.oneOf(NODE_COMMAND_STATUSES) }),
  },
};
