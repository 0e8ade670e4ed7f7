/** Errors on their way between threads: what a program reads of them arrives. */
import { AttemptAbortedError, FatalError, LeaseLostError } from "../../base/errors.ts";
import { errorMessage } from "../error-policy.ts";
import type { PlainError } from "./messages.ts";

export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) {
    return { name: "Error", message: errorMessage(error), stack: null, code: null, reason: null };
  }
  const { name, message, stack = null } = error;
  const { code } = error as { code?: unknown };
  return {
    name,
    message,
    stack,
    code: typeof code === "string" ? code : null,
    reason: error instanceof AttemptAbortedError ? error.reason : null,
  };
}

export function errorOf({ name, message, stack, code, reason }: PlainError): Error {
  if (reason !== null) return new AttemptAbortedError(message, reason);
  const error = code === "LEASE_LOST"
    ? new LeaseLostError(message)
    : code === "FATAL"
    ? new FatalError(message)
    : new Error(message);
  if (error.name !== name) error.name = name;
  if (stack !== null) error.stack = stack;
  if (code !== null && !("code" in error)) Object.assign(error, { code });
  return error;
}
