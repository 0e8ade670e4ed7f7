/**
 * Checks of what users pass in: unknown options by name with the closest known one, bad values with what
 * they are.
 */
import { Buffer } from "node:buffer";
import { shownPart } from "./thrown.ts";

/** "Cannot <attempt>: …" */
export function checkKnown(attempt: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`Cannot ${attempt}: options must be an object, got ${shown(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new TypeError(
      `Cannot ${attempt}: there is no option "${key}"; did you mean "${closest(key, known)}"?`,
    );
  }
}

/** An integer within bounds; undefined becomes the default. */
export function integer(
  attempt: string,
  name: string,
  value: unknown,
  bounds: { readonly min: number; readonly max: number; readonly default: number },
): number {
  if (value === undefined) return bounds.default;
  const { min, max } = bounds;
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${attempt}: ${name} must be a number, got ${shown(value)}`);
  }
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`Cannot ${attempt}: ${name} must be an integer from ${min} to ${max}, got ${value}`);
  }
  return value;
}

export function text(
  attempt: string,
  name: string,
  value: unknown,
  byDefault: string,
  bytesMax: number,
): string {
  if (value === undefined) return byDefault;
  if (typeof value !== "string" || value === "" || !value.isWellFormed()) {
    throw new TypeError(`Cannot ${attempt}: ${name} must be a text that is not empty, got ${shown(value)}`);
  }
  const bytes = byteLength(value);
  if (bytes <= bytesMax) return value;
  throw new RangeError(`Cannot ${attempt}: ${name} may have ${bytesMax} bytes, got ${bytes}`);
}

export function boolean(attempt: string, name: string, value: unknown, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value === "boolean") return value;
  throw new TypeError(`Cannot ${attempt}: ${name} must be true or false, got ${shown(value)}`);
}

export function texts(
  attempt: string,
  name: string,
  value: unknown,
  byDefault: readonly string[],
): readonly string[] {
  if (value === undefined) return byDefault;
  if (Array.isArray(value) && value.every((each) => typeof each === "string" && each !== "")) {
    return [...value];
  }
  throw new TypeError(`Cannot ${attempt}: ${name} must be an array of texts, got ${shown(value)}`);
}

/** Bytes as UTF-8. */
export function byteLength(value: string): number {
  return Buffer.byteLength(value);
}

/** The value for an error message: short, on one line. */
export function shown(value: unknown): string {
  if (typeof value === "function") return "a function";
  const text = typeof value === "number" ? String(value) : shownPart(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** What may have been meant: the closest of those that are known, "" when none is close. */
export function meantBy(key: string, known: readonly string[]): string {
  const best = closest(key, known);
  return editDistance(key.toLowerCase(), best.toLowerCase()) <= Math.min(2, key.length / 2) ? best : "";
}

function closest(key: string, known: readonly string[]): string {
  let best = known[0] ?? "";
  let bestDistance = Infinity;
  for (const each of known) {
    const distance = editDistance(key.toLowerCase(), each.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [each, distance];
  }
  return best;
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + cost));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
