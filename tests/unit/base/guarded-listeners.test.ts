/** A signal whose listeners may throw is a signal like any other. */
import { expect, test } from "bun:test";
import { guardSignal } from "../../../src/base/guarded-listeners.ts";

interface Guarded {
  readonly controller: AbortController;
  readonly signal: AbortSignal;
  readonly thrown: unknown[];
}

function guarded(): Guarded {
  const controller = new AbortController();
  const thrown: unknown[] = [];
  return { controller, signal: guardSignal(controller, (error) => thrown.push(error)), thrown };
}

test("each listener is called in its turn, whatever those before it throw", async () => {
  const { controller, signal, thrown } = guarded();
  const seen: unknown[] = [];
  signal.addEventListener("abort", () => {
    throw "first";
  });
  signal.addEventListener("abort", { handleEvent: () => void seen.push("object") });
  // deno-lint-ignore require-await
  signal.addEventListener("abort", async () => {
    throw "later";
  });
  signal.onabort = function (this: AbortSignal, { target, type }: Event): void {
    seen.push(this === signal, target === signal, type);
  };
  controller.abort("why");
  await Promise.resolve();
  expect([seen, thrown, signal.reason]).toEqual([["object", true, true, "abort"], ["first", "later"], "why"]);
});

test("a listener that was removed or replaced is not called, one for once is called once", () => {
  const { controller, signal } = guarded();
  const seen: string[] = [];
  const removed = (): number => seen.push("removed");
  signal.addEventListener("abort", removed);
  signal.removeEventListener("abort", removed);
  signal.addEventListener("abort", () => seen.push("once"), { once: true });
  signal.onabort = (): number => seen.push("replaced");
  signal.onabort = (): number => seen.push("replacement");
  expect(signal.onabort).not.toBeNull();
  controller.abort();
  signal.dispatchEvent(new Event("abort"));
  signal.onabort = null;
  signal.dispatchEvent(new Event("abort"));
  expect(seen).toEqual(["once", "replacement", "replacement"]);
});

test("what is made of it, and who waits with it, goes on as ever", async () => {
  const { controller, signal, thrown } = guarded();
  const any = AbortSignal.any([signal, new AbortController().signal]);
  const fetched = fetch("http://127.0.0.1:9/", { signal }).catch((error: unknown) => error);
  controller.abort(new Error("enough"));
  expect([any.aborted, any.reason, signal instanceof AbortSignal]).toEqual([true, signal.reason, true]);
  expect(await fetched).toBeInstanceOf(Error);
  expect(thrown).toEqual([]);
});
