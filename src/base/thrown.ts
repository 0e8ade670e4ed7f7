/**
 * What a user's code threw, as texts of bounded length. Anything can be thrown: no error at all, one of
 * another realm, one whose message is a number, a proxy that throws when it is looked at. Nothing here ever
 * throws.
 */
import { types } from "node:util";

/** Characters of a message; what is recorded of it is clipped to bytes (LIMITS.errorMessageBytesMax). */
const MESSAGE_MAX = 1000;
const STACK_MAX = 4096;
/** Of errors under an error: its causes, theirs, and what an AggregateError holds. */
const CAUSES_MAX = 10;
const CAUSE_MAX = 300;
/** One that is a text already. */
const CAUSE_TEXT_MAX = 2048;
/** Parts of a thrown object that are looked at. */
const PARTS_MAX = 200;

const UNSHOWABLE = "something that cannot be shown";

/** What is kept of an error. */
export interface ThrownTexts {
  readonly message: string;
  /** A line for each cause, the nearest first; "" without one. */
  readonly cause: string;
  /** Its class and where it was thrown; "" for what is no error. */
  readonly stack: string;
}

/** `value instanceof type`, and false for a proxy that cannot be asked. */
export function isInstance<T>(value: unknown, type: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof type;
  } catch {
    return false;
  }
}

/** Also of another realm. */
export function isError(value: unknown): value is Error {
  return isInstance(value, Error) || types.isNativeError(value);
}

/** The part of a value, whatever that is; undefined when it cannot be had. */
export function partOf(value: unknown, key: string): unknown {
  try {
    return (value as Readonly<Record<string, unknown>>)[key];
  } catch {
    return undefined;
  }
}

/** The text of whatever was thrown, clipped. */
export function messageOfThrown(thrown: unknown): string {
  if (typeof thrown === "string") return thrown.slice(0, MESSAGE_MAX);
  if (isError(thrown)) return clip(ownMessageOf(thrown), MESSAGE_MAX);
  if (thrown === null || thrown === undefined) return `threw ${thrown}`;
  const type = typeof thrown;
  return clip(`threw ${type === "object" ? "an" : "a"} ${type}: ${shownPart(thrown)}`, MESSAGE_MAX);
}

/** Message, causes and stack of whatever was thrown. */
export function textsOfThrown(thrown: unknown): ThrownTexts {
  const message = messageOfThrown(thrown);
  return { message, cause: causesOf(thrown), stack: isError(thrown) ? stackOf(thrown) : "" };
}

/** The class's name as far as it says one. */
export function nameOfError(error: Error): string {
  const name = partOf(error, "name");
  return typeof name === "string" && name !== "" ? clip(name, CAUSE_MAX) : "Error";
}

/** A rejection that does not end the process when nobody waits for it. */
export function unheard(error: unknown): Promise<never> {
  const rejected = Promise.reject(error);
  rejected.catch(() => {});
  return rejected;
}

/** A promise that nobody waits for must not end the process when it rejects. */
export function hearRejection(answer: unknown, onRejected: (reason: unknown) => void = () => {}): void {
  if (!isInstance(answer, Promise)) return;
  try {
    Promise.prototype.then.call(answer, undefined, onRejected);
  } catch {
    // it forbids to be waited for
  }
}

function ownMessageOf(error: Error): string {
  const message = partOf(error, "message");
  if (message === "" || message === undefined) return nameOfError(error);
  return typeof message === "string" ? message : shownPart(message);
}

/** The stack without the message, which is kept beside it. */
function stackOf(error: Error): string {
  const stack = partOf(error, "stack");
  if (typeof stack !== "string") return "";
  const name = nameOfError(error);
  const head = `${name}: ${String(ownMessageOf(error))}`;
  return clip(stack.startsWith(head) ? name + stack.slice(head.length) : stack, STACK_MAX);
}

function causesOf(thrown: unknown): string {
  const seen: unknown[] = [thrown];
  const lines: string[] = [];
  for (const each of seen) {
    if (lines.length >= CAUSES_MAX) break;
    if (each !== thrown) lines.push(lineOf(each));
    for (const below of [partOf(each, "cause"), ...itemsOf(partOf(each, "errors"))]) {
      if (below !== undefined && below !== null && !seen.includes(below)) seen.push(below);
    }
  }
  return lines.join("\n");
}

function lineOf(cause: unknown): string {
  if (typeof cause === "string") return clip(cause, CAUSE_TEXT_MAX);
  if (!isError(cause)) return clip(shownPart(cause), CAUSE_MAX);
  const name = nameOfError(cause);
  const message = ownMessageOf(cause);
  return clip(message === name ? name : `${name}: ${message}`, CAUSE_MAX);
}

function itemsOf(list: unknown): unknown[] {
  try {
    return Array.isArray(list) ? list.slice(0, CAUSES_MAX) : [];
  } catch {
    return [];
  }
}

/** As JSON where it has one and that is short, else as a text. */
export function shownPart(value: unknown): string {
  let partCount = 0;
  try {
    const json = JSON.stringify(value, (_key, part: unknown) => {
      if (++partCount > PARTS_MAX) throw new RangeError("too large");
      return typeof part === "string" ? clip(part, MESSAGE_MAX) : part;
    });
    return json ?? String(value);
  } catch {
    return textOf(value);
  }
}

function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return UNSHOWABLE;
  }
}

function clip(text: string, max: number): string {
  return text.length > max ? text.slice(0, max) : text;
}
