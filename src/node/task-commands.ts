/** Commands to tasks: checked, sent, and what the answer means. */
import { messageOf } from "../consumer/task-message.ts";
import type { Ambient } from "../coordinator/ambient.ts";
import type { CallOptions, ClientPort } from "../coordinator/coordinator.ts";
import { BusyError, NotFoundError, StateError } from "../coordinator/errors.ts";
import type { TaskMessage } from "../protocol/types.ts";

const CID_MAX = 2 ** 52;

/** @throws what Client.command says */
export async function sendCommand(
  port: ClientPort,
  command: { readonly id: string; readonly message: TaskMessage },
  options: CallOptions,
  ambient: Ambient,
): Promise<"applied" | "queued"> {
  const message = messageOf("tell a task", command.message);
  const { id } = command;
  const cid = Math.floor(ambient.random() * CID_MAX);
  const status = await port.command(id, cid, message, options);
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
