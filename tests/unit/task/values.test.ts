/** The values that travel. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeValue, encodeValue } from "../../../src/task/values.ts";

const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, undefined, true, false),
    fc.string({ unit: "grapheme" }),
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each === 0 ? 0 : each),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(fc.string().filter((key) => key !== "__proto__"), tie("value"), {
      maxKeys: 5,
      noNullPrototype: true,
    }),
  ),
})).value;

test("every value that may travel comes back as it was", () => {
  fc.assert(fc.property(anyValue, (value) => {
    expect(decodeValue(encodeValue(value, "input"), "input")).toEqual(value);
  }));
});

test("equal inputs are equal bytes, whatever the order of their keys", () => {
  expect(encodeValue({ a: 1, bb: [2n], c: { d: 3, e: 4 } }, "input")).toEqual(
    encodeValue({ c: { e: 4, d: 3 }, bb: [2n], a: 1 }, "input"),
  );
});

test("what cannot travel is refused with its path", () => {
  class Point {}
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const cases: [unknown, string][] = [
    [() => 1, "input must be JSON, Uint8Array, Date, bigint or undefined, got a function"],
    [{ a: [1, Symbol("x")] }, "input.a[1] must"],
    [{ a: new Point() }, "got an instance of Point"],
    [[new Map()], "input[0] must"],
    [cycle, "input.self must be JSON, Uint8Array, Date, bigint or undefined, got a cycle"],
    [{ n: NaN }, "got NaN"],
    ["\ud800", "a text with half a surrogate pair"],
    [{ "\udc00": 1 }, "half a surrogate pair"],
    [-Infinity, "got -Infinity"],
    [new Date(NaN), "an invalid Date"],
    [{ [Symbol("k")]: 1 }, "a symbol as a key"],
    [new Float32Array(2), "an instance of Float32Array"],
    [JSON.parse('{"__proto__": 1}'), 'the key "__proto__"'],
  ];
  for (const [value, message] of cases) {
    expect(() => encodeValue(value, "input")).toThrow(TypeError);
    expect(() => encodeValue(value, "input")).toThrow(message);
  }
});

test("more than 256 KiB is refused with the size", () => {
  expect(() => encodeValue(new Uint8Array(262_145), "result")).toThrow(RangeError);
  expect(() => encodeValue("x".repeat(300_000), "result")).toThrow(
    "Cannot encode result: it may have 262144 bytes, got 300005",
  );
});

test("bytes that are no value are refused, never crash", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    try {
      decodeValue(bytes, "input");
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
    }
  }));
});

test("the same object twice is no cycle", () => {
  const shared = { x: 1 };
  expect(decodeValue(encodeValue([shared, shared], "input"), "input")).toEqual([shared, shared]);
});

test("a getter that encodes something itself disturbs nothing", () => {
  const value = {
    before: "b".repeat(50),
    get inner(): number {
      return encodeValue({ other: "x".repeat(2000) }, "inner").length;
    },
    later: [1, 2, 3],
  };
  expect(decodeValue(encodeValue(value, "input"), "input")).toEqual({
    before: value.before,
    inner: 2010,
    later: [1, 2, 3],
  });
});
