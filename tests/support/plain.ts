/** Messages and records so that `toEqual` sees all of them: an entry hides its operation and its bytes. */
import type { Entry } from "../../src/protocol/model/types.ts";

/** The same, with entries as plain objects. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (isEntry(value)) {
    const bytes = new Uint8Array(value.length);
    value.copyTo(bytes, 0);
    return { ballot: value.ballot, op: value.op, bytes };
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
}

function isEntry(value: object): value is Entry {
  return "tookEffect" in value;
}
