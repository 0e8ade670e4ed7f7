/** The commands that clients send to tasks, and the answers of stateful handlers, checked. */
import { shown } from "../base/arguments.ts";
import { partOf } from "../base/thrown.ts";
import { LIMITS } from "../protocol/model/limits.ts";
import type { TaskMessage } from "../protocol/model/types.ts";
import { clipText } from "../protocol/wire/writer.ts";

/** What a Date can show; and so long after any time of today. */
const UNTIL_MAX_MS = 8.64e15;
const FOR_MAX_MS = UNTIL_MAX_MS / 2;
const PLAIN = ["run", "pause", "kill", "complete", "checkpoint", "release"] as const;

/**
 * The message, with nothing else in it.
 *
 * @throws TypeError, RangeError
 */
export function messageOf(attempt: string, value: unknown): TaskMessage {
  const [type, untilMs, forMs, message] = ["type", "untilMs", "forMs", "message"].map((key) =>
    partOf(value, key)
  );
  const plain = PLAIN.find((each) => each === type);
  if (plain) return { type: plain };
  if (type === "sleep") {
    if (forMs !== undefined && untilMs !== undefined) {
      throw new TypeError(`Cannot ${attempt}: forMs and untilMs exclude each other, got both`);
    }
    if (isWithin(forMs, FOR_MAX_MS)) return { type, forMs };
    if (isWithin(untilMs, UNTIL_MAX_MS)) return { type, untilMs };
    throw new RangeError(
      `Cannot ${attempt}: a sleep must have forMs, or untilMs, a time in ms since 1970, got ${
        shown(forMs ?? untilMs)
      }`,
    );
  }
  if (type === "error") {
    if (typeof message === "string") return { type, message: clipText(message, LIMITS.errorMessageBytesMax) };
    throw new TypeError(`Cannot ${attempt}: an error must have a message, got ${typeof message}`);
  }
  throw new TypeError(
    `Cannot ${attempt}: it must be one of ${PLAIN.join(", ")}, sleep, error, as { type: ... }, got ${
      shown(type ?? value)
    }`,
  );
}

function isWithin(value: unknown, max: number): value is number {
  return typeof value === "number" && value >= 0 && value <= max;
}
