/**
 * JSON that a person typed, as values of which nothing was rounded: integers beyond 2^53 become bigint, and
 * what cannot be kept as it stands is refused. Which option it came from is the caller's.
 */
import { isInteger, parse } from "lossless-json";

/** @throws {SyntaxError} for what is no JSON, a key with two values, or a number that no double can hold */
export function parseJson(text: string): unknown {
  return parse(text, null, {
    parseNumber,
    onDuplicateKey: ({ key }) => {
      throw new SyntaxError(`the key "${key}" comes twice`);
    },
  });
}

function parseNumber(text: string): number | bigint {
  const value = Number(text);
  if (isInteger(text) && !Number.isSafeInteger(value)) return BigInt(text);
  if (Number.isFinite(value)) return value;
  throw new SyntaxError(`no number can hold ${text}: send it as a text`);
}
