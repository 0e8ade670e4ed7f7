/** Claims about what tasks can be told. */
import { expect, test } from "bun:test";
import { messageOf } from "../../../src/task/message.ts";

test("a sleep is for some time or until a time, and not both", () => {
  expect(messageOf("tell", { type: "sleep", forMs: 5 })).toEqual({ type: "sleep", forMs: 5 });
  expect(messageOf("tell", { type: "sleep", untilMs: 5 })).toEqual({ type: "sleep", untilMs: 5 });
  expect(() => messageOf("tell", { type: "sleep", forMs: 5, untilMs: 5 })).toThrow("exclude each other");
  for (const bad of [{}, { forMs: -1 }, { forMs: 1e300 }, { untilMs: NaN }, { untilMs: "5" }]) {
    expect(() => messageOf("tell", { type: "sleep", ...bad })).toThrow("a sleep must have forMs, or untilMs");
  }
});

test("what throws when it is looked at is no message, in the same words on every runtime", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const getter = Object.defineProperty({}, "type", {
    get: () => {
      throw new Error("no");
    },
  });
  for (const bad of [proxy, getter, { type: proxy }, { type: Symbol("s") }, null]) {
    expect(() => messageOf("end it", bad)).toThrow(/^Cannot end it: it must be one of run, /);
  }
});
