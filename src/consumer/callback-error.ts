/**
 * What the program's own callbacks threw that nobody waits for: no error of a task, and no reason to end the
 * process.
 */
import { messageOfThrown } from "../base/thrown.ts";

/** What a callback or listener threw, or what its promise was rejected with. */
export interface CallbackErrorInfo {
  /** Which: "onDeadline", "abort listener", "listener of ready" and so on, "log". */
  readonly source: string;
  /** Whose handler it belongs to. */
  readonly task?: string;
  /** The error's message. */
  readonly reason: string;
  readonly error: unknown;
}

export function callbackError(source: string, error: unknown, task?: string): CallbackErrorInfo {
  return { source, ...(task === undefined ? {} : { task }), reason: messageOfThrown(error), error };
}

/** Notified by code that runs a handler somewhere else of what its callbacks threw there. */
export interface CallbackErrors {
  callbackFailed(source: string, error: unknown): void;
}
