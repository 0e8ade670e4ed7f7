/** Commands to nodes as users and strangers give them: checked before they go anywhere. */
import type { NodeOrder } from "../coordinator/node-commands.ts";
import { LIMITS } from "../protocol/limits.ts";
import type { NodeCommand } from "../protocol/messages-nodes.ts";
import { checkKnown, shown, text } from "./arguments.ts";
import { checkId } from "./submission.ts";

const ATTEMPT = "command a node";
const TYPES: readonly NodeCommand["type"][] = ["freeze", "unfreeze", "balance", "drain", "stopTask"];
const CID_LIMIT = 2 ** 52;

/**
 * `random` in [0, 1) makes the number by which a repeat is known.
 *
 * @throws TypeError, RangeError
 */
export function orderOf(node: unknown, command: unknown, random: number): NodeOrder {
  const name = text(ATTEMPT, "node", node ?? null, "", LIMITS.idBytesMax);
  return { node: name, command: checkedCommand(command), cid: Math.floor(random * CID_LIMIT) };
}

/**
 * What a non-member sent.
 *
 * @throws TypeError, RangeError
 */
export function unpackOrder(args: unknown): NodeOrder {
  const [node, command, cid] = Array.isArray(args) ? args as unknown[] : [];
  if (!Number.isSafeInteger(cid) || (cid as number) < 0) {
    throw new TypeError(`Cannot ${ATTEMPT}: cid must be a whole number, got ${shown(cid)}`);
  }
  return { ...orderOf(node, command, 0), cid: cid as number };
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
