/** Signals of the process, for a node: the first drains it, the second stops it, others hear theirs. */
import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import { handleSignals, type SignalSource } from "../../../src/node/signals.ts";

class FakeProcess extends EventEmitter {
  readonly codes: number[] = [];
  exitCode: number | undefined;

  exit(code = 0): void {
    this.codes.push(code);
  }
}

function setUp() {
  const source = new FakeProcess();
  const stops: unknown[] = [];
  const target = new EventTarget();
  const node = {
    stop: (options: unknown) => {
      stops.push(options);
      return Promise.resolve();
    },
    addEventListener: (type: string, listener: EventListener) => target.addEventListener(type, listener),
  };
  // it has what is used of both
  handleSignals(node as never, source as SignalSource);
  return { source, stops, stopped: () => target.dispatchEvent(new Event("stopped")) };
}

const afterAll = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("the first signal drains, any further one stops now", () => {
  const { source, stops } = setUp();
  source.emit("SIGTERM");
  source.emit("SIGINT");
  source.emit("SIGTERM");
  expect(stops).toEqual([{ now: false }, { now: true }, { now: true }]);
});

test("when the node has stopped the process ends with its own exit code", async () => {
  const { source, stopped } = setUp();
  source.exitCode = 3;
  source.emit("SIGINT");
  stopped();
  await afterAll();
  expect(source.codes).toEqual([3]);
});

test("a node that stops by itself takes its listeners along and ends nothing", async () => {
  const { source, stopped } = setUp();
  expect([source.listenerCount("SIGTERM"), source.listenerCount("SIGINT")]).toEqual([1, 1]);
  stopped();
  await afterAll();
  expect([source.listenerCount("SIGTERM"), source.listenerCount("SIGINT")]).toEqual([0, 0]);
  expect(source.codes).toEqual([]);
});

test("a program that listens itself hears each signal once and ends when it likes", async () => {
  const { source, stopped } = setUp();
  let heard = 0;
  source.on("SIGTERM", () => heard++);
  source.emit("SIGTERM");
  stopped();
  await afterAll();
  expect([heard, source.listenerCount("SIGTERM")]).toEqual([1, 1]);
  expect(source.codes).toEqual([]);
});
