/** Lines that wait for a slow reader: which are kept, which are dropped and counted, and when it has gone. */
import { expect, test } from "bun:test";
import { LineWriter } from "../../../src/cli/line-writer.ts";

/** A reader that takes one write at a time, when it is told to. */
class SlowReader {
  readonly texts: string[] = [];
  #waiting: { readonly text: string; readonly done: (error?: Error) => void }[] = [];

  readonly write = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      this.#waiting.push({ text, done: (error) => error ? reject(error) : resolve() });
    });

  async takeAll(): Promise<void> {
    for (let one = this.#waiting.shift(); one; one = this.#waiting.shift()) {
      this.texts.push(one.text);
      one.done();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  leave(): void {
    for (const { done } of this.#waiting.splice(0)) done(new Error("EPIPE"));
  }

  get lines(): string[] {
    return this.texts.join("").split("\n").slice(0, -1);
  }
}

const LINE = "x".repeat(99_999);

test("every line that is printed arrives, in order, however late it is read", async () => {
  const reader = new SlowReader();
  const writer = new LineWriter(reader.write, () => {});
  for (let number = 0; number < 1000; number++) writer.print(`${number} ${LINE}`);
  let isFlushed = false;
  const flushed = writer.flushed().then(() => isFlushed = true);
  await Promise.resolve();
  expect(isFlushed).toBe(false);
  await reader.takeAll();
  await flushed;
  expect(reader.lines.map((line) => Number(line.split(" ")[0]))).toEqual([...Array(1000).keys()]);
});

test("who prints a lot waits until the reader is near", async () => {
  const reader = new SlowReader();
  const writer = new LineWriter(reader.write, () => {});
  writer.print("few");
  await writer.drained();
  for (let number = 0; number < 10; number++) writer.print(LINE);
  let isDrained = false;
  void writer.drained().then(() => isDrained = true);
  await Promise.resolve();
  expect(isDrained).toBe(false);
  await reader.takeAll();
  expect(isDrained).toBe(true);
});

test("events beyond 4 MiB are dropped, and a line says how many", async () => {
  const reader = new SlowReader();
  const writer = new LineWriter(reader.write, () => {});
  const offer = (text: string): void => writer.offer(text, (dropped) => `${dropped} dropped`);
  for (let number = 0; number < 60; number++) offer(`${number} ${LINE}`);
  await reader.takeAll();
  const taken = reader.lines.length;
  expect(taken).toBe(42);
  offer("next");
  await reader.takeAll();
  expect(reader.lines.slice(taken)).toEqual([`${60 - taken} dropped`, "next"]);
});

test("when the reader has gone nobody waits, and it is said once", async () => {
  const reader = new SlowReader();
  let closed = 0;
  const writer = new LineWriter(reader.write, () => closed++);
  for (let number = 0; number < 10; number++) writer.print(LINE);
  const waiting = Promise.all([writer.drained(), writer.flushed()]);
  reader.leave();
  await waiting;
  writer.print("more");
  await writer.flushed();
  expect([closed, writer.isClosed]).toEqual([1, true]);
});
