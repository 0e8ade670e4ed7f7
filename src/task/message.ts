/** The commands that clients send to tasks, and the answers of stateful handlers, checked. */
import { LIMITS } from "../protocol/model/limits.ts";
import type { TaskMessage } from "../protocol/model/types.ts";
import { clipText } from "../protocol/wire/writer.ts";

const PLAIN = ["run", "pause", "kill", "complete", "checkpoint", "release"] as const;

/**
 * The message, with nothing else in it.
 *
 * @throws TypeError, RangeError
 */
export function messageOf(attempt: string, value: unknown): TaskMessage {
  const { type, untilMs, message } = (typeof value === "object" && value !== null ? value : {}) as Partial<
    Record<string, unknown>
  >;
  const plain = PLAIN.find((each) => each === type);
  if (plain) return { type: plain };
  if (type === "sleep") {
    if (typeof untilMs === "number" && untilMs >= 0 && untilMs <= 8.64e15) return { type, untilMs };
    throw new RangeError(
      `Cannot ${attempt}: a sleep must have untilMs, a time in ms since 1970, got ${String(untilMs)}`,
    );
  }
  if (type === "error") {
    if (typeof message === "string") return { type, message: clipText(message, LIMITS.errorMessageBytesMax) };
    throw new TypeError(`Cannot ${attempt}: an error must have a message, got ${typeof message}`);
  }
  throw new TypeError(
    `Cannot ${attempt}: it must be one of ${PLAIN.join(", ")}, sleep, error, as { type: ... }, got ${
      String(type ?? value)
    }`,
  );
}
