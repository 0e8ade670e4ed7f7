/** What is typed as JSON arrives as it was typed, or is refused in words. */
import { expect, test } from "bun:test";
import { parseJson } from "../../../src/cli/json-input.ts";

test("integers that a double would round are bigint, all others are numbers", () => {
  expect(parseJson('{"id":653247040368672768,"n":[-9007199254740993,9007199254740991,-1,0,2.5,1e3]}'))
    .toEqual({
      id: 653247040368672768n,
      n: [-9007199254740993n, 9007199254740991, -1, 0, 2.5, 1000],
    });
});

test("a key that comes twice with two values is refused, also deep inside", () => {
  expect(() => parseJson('{"a":1,"a":2}')).toThrow('the key "a" comes twice');
  expect(() => parseJson('{"a":[{"b":1,"b":"1"}]}')).toThrow('the key "b" comes twice');
});

test("a number that nothing can hold is refused", () => {
  expect(() => parseJson('{"n":1e999}')).toThrow("no number can hold 1e999: send it as a text");
});

test("what is no JSON is refused", () => {
  for (const text of ["", "  ", "{", '{"a":1,}', "NaN", "'a'", "1 2"]) {
    expect(() => parseJson(text)).toThrow(SyntaxError);
  }
});

test("a key named __proto__ is a key like any other", () => {
  const value = parseJson('{"__proto__":{"x":1}}') as object;
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  expect(Object.keys(value)).toEqual(["__proto__"]);
});
