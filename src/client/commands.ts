/**
 * Commands to nodes and to tasks as users and strangers give them, checked before they go anywhere; and what
 * the answer to a task's command means.
 */
import { createHash } from "node:crypto";
import { checkKnown, shown, text } from "../base/arguments.ts";
import type { Environment } from "../base/environment.ts";
import { BusyError, NotFoundError, StateError, UnknownOutcomeError } from "../base/errors.ts";
import type { CallOptions, ClientPort, NodeCommandRequest } from "../coordinator/coordinator.ts";
import { LIMITS } from "../protocol/model/limits.ts";
import type { NodeCommand } from "../protocol/model/messages.ts";
import type { TaskMessage } from "../protocol/model/types.ts";
import { messageOf } from "../task/message.ts";
import { checkId } from "./submission.ts";

const ATTEMPT = "command a node";
const TYPES: readonly NodeCommand["type"][] = [
  ...["freeze", "unfreeze", "balance", "drain", "leave", "stopTask"] as const,
];
/** Numbers by which a repeat is known. */
const CID_LIMIT = 2 ** 52;

/**
 * `random` in [0, 1) makes the number by which a repeat is known.
 *
 * @throws TypeError, RangeError
 */
export function nodeCommandRequestOf(node: unknown, command: unknown, random: number): NodeCommandRequest {
  const name = text(ATTEMPT, "node", node ?? null, "", LIMITS.idBytesMax);
  return { node: name, command: checkedCommand(command), cid: Math.floor(random * CID_LIMIT) };
}

/**
 * What a non-member sent.
 *
 * @throws TypeError, RangeError
 */
export function unpackNodeCommandRequest(args: unknown): NodeCommandRequest {
  const [node, command, cid] = Array.isArray(args) ? args as unknown[] : [];
  if (!Number.isSafeInteger(cid) || (cid as number) < 0) {
    throw new TypeError(`Cannot ${ATTEMPT}: cid must be a whole number, got ${shown(cid)}`);
  }
  return { ...nodeCommandRequestOf(node, command, 0), cid: cid as number };
}

function checkedCommand(command: unknown): NodeCommand {
  const given = typeof command === "object" && command !== null ? command as { type?: unknown } : {};
  const type = TYPES.find((each) => each === given.type);
  if (type === undefined) {
    throw new TypeError(
      `Cannot ${ATTEMPT}: its type must be one of ${TYPES.join(", ")}, got ${shown(given.type ?? command)}`,
    );
  }
  checkKnown(ATTEMPT, given, type === "stopTask" ? ["type", "id"] : ["type"]);
  if (type !== "stopTask") return { type };
  const { id } = given as { id?: unknown };
  checkId("stop a task", id);
  // checkId lets texts through only
  return { type, id: id as string };
}

/**
 * Sends a command to a task.
 *
 * @throws what Client.command says
 */
export async function sendCommand(
  port: ClientPort,
  command: { readonly id: string; readonly message: TaskMessage; readonly commandId: string | undefined },
  options: CallOptions,
  environment: Environment,
): Promise<"applied" | "queued"> {
  const message = messageOf("command a task", command.message);
  const { id, commandId = environment.uuid() } = command;
  const status = await port.command(id, cidOf(commandId), message, options).catch((error) => {
    throw asRepeatable(error, commandId);
  });
  const attempt = `Cannot ${message.type} task ${JSON.stringify(id)}`;
  switch (status) {
    case "applied":
    case "queued":
      return status;
    case "unknown":
      throw new NotFoundError(`${attempt}: there is no such task (any more)`);
    case "ended":
      throw new StateError(`${attempt}: it has ended`);
    case "invalid":
      throw new StateError(`${attempt}: the state that it is in does not allow it`);
    case "busy":
      throw new BusyError(`${attempt}: too many commands wait for its handler already`);
    default:
      return status satisfies never;
  }
}

/** The number by which a repeat of a command to a task is known: 52 bits of a hash. */
function cidOf(commandId: string): number {
  const digest = createHash("sha256").update(commandId).digest();
  return (digest.readUInt32BE(0) % 2 ** 20) * 2 ** 32 + digest.readUInt32BE(4);
}

/** Repeated under the same id it counts once, so the error names it. */
function asRepeatable(error: unknown, commandId: string): unknown {
  if (!(error instanceof UnknownOutcomeError)) return error;
  const repeat = `; repeat it with commandId ${JSON.stringify(commandId)}`;
  return new UnknownOutcomeError(error.message + repeat, error.ids);
}
