/** What a node says to a thread that is made up, when it ends it, and how a thread counts its lease. */
import { expect, test } from "bun:test";
import { SenderClock } from "../../../../src/base/sender-clock.ts";
import { AttemptAbortedError } from "../../../../src/base/errors.ts";
import type { Leased } from "../../../../src/base/leased.ts";
import type { Context } from "../../../../src/consumer/context.ts";
import {
  CELLS,
  CELLS_BYTES,
  packLease,
  type RunMessage,
  type ToThread,
  unpackLease,
} from "../../../../src/consumer/threads/messages.ts";
import { ThreadContext } from "../../../../src/consumer/threads/thread-context.ts";
import { HandlerThread } from "../../../../src/consumer/threads/thread.ts";
import type { ThreadPort } from "../../../../src/consumer/threads/worker-port.ts";
import { FakeEnvironment } from "../../../support/fake-environment.ts";

const MARGIN_MS = 300;

class FakePort implements ThreadPort {
  readonly posted: ToThread[] = [];
  readonly ended: PromiseWithResolvers<void> = Promise.withResolvers();

  post(message: ToThread): void {
    this.posted.push(message);
  }

  end(): Promise<void> {
    this.ended.resolve();
    return Promise.resolve();
  }

  hold(): void {}
}

/** A thread that runs one attempt, whose lease ends at `endMs` (monotonic). */
class Stage {
  readonly port: FakePort = new FakePort();
  readonly controller: AbortController = new AbortController();
  readonly thread: HandlerThread;
  readonly outcome: Promise<unknown>;
  endMs = Infinity;

  constructor(graceMs: number) {
    this.thread = new HandlerThread({ module: "x", onEnded: () => {}, open: () => this.port });
    const lease = (): number => this.endMs - performance.now();
    // what a thread asks of its attempt
    const ctx = {
      signal: this.controller.signal,
      fence: 1n,
      attempt: 1,
      marginMs: MARGIN_MS,
      get deadline(): number {
        return Date.now() + lease() - MARGIN_MS;
      },
      get remainingMs(): number {
        return lease();
      },
      onDeadline: () => () => {},
    } as unknown as Context & Leased;
    const task = { id: "t", name: "n", input: 1, state: undefined };
    this.outcome = this.thread.run(task, ctx, { graceMs, beatEveryMs: 0 }).catch((error) => error);
  }

  abort(): void {
    this.controller.abort(new AttemptAbortedError("Cannot go on: lost", "condemned"));
  }
}

test("what is said to a thread waits until it takes messages; the clocks are compared first", async () => {
  const stage = new Stage(1000);
  stage.abort();
  expect(stage.port.posted).toEqual([]);
  stage.thread.message({ type: "hello" });
  expect(stage.port.posted.map(({ type }) => type)).toEqual(["clock", "run", "abort"]);
  await stage.thread.end();
});

test("a lease lost in its grace ends the thread in time, whatever the wall clock does", async () => {
  const now = Date.now;
  try {
    for (const jumpMs of [-3_600_000, 0]) {
      const stage = new Stage(60_000);
      stage.abort();
      const lostMs = performance.now();
      stage.endMs = lostMs + MARGIN_MS;
      Date.now = () => now() + jumpMs;
      await stage.port.ended.promise;
      expect(performance.now() - lostMs).toBeWithin(MARGIN_MS - 100, 5000);
      expect(await stage.outcome).toBeInstanceOf(AttemptAbortedError);
    }
  } finally {
    Date.now = now;
  }
});

test("in shared memory a lease is one number, for years of uptime and any lease", () => {
  for (const sentMs of [0, 1, 4 * 365 * 86_400_000]) {
    for (const remainingMs of [0, 4000, 86_400_000]) {
      const cells = new BigInt64Array(1);
      Atomics.store(cells, 0, packLease({ sentMs, remainingMs }));
      expect(unpackLease(Atomics.load(cells, 0))).toEqual({ sentMs, remainingMs });
    }
  }
  expect(unpackLease(packLease({ sentMs: 7.9, remainingMs: -Infinity }))).toEqual({
    sentMs: 7,
    remainingMs: 0,
  });
  expect(unpackLease(packLease({ sentMs: 7, remainingMs: 9e15 })).remainingMs).toBeGreaterThan(86_400_000);
});

test("a thread counts its lease by durations, and jumps of the wall clock only ahead", () => {
  const environment = new FakeEnvironment();
  const clock = new SenderClock(environment);
  const cells = new BigInt64Array(new SharedArrayBuffer(CELLS_BYTES));
  // the node's monotonic clock is ahead by 5000
  const nodeMs = (): number => environment.nowMs + 5000;
  const run: RunMessage = {
    type: "run",
    no: 1,
    module: "x",
    id: "t",
    name: "n",
    input: new Uint8Array(),
    state: null,
    fence: 1n,
    attempt: 1,
    marginMs: MARGIN_MS,
    beatEveryMs: 0,
    sentMs: nodeMs(),
    remainingMs: 4000,
  };
  Atomics.store(cells, CELLS.lease, packLease(run));
  clock.heard(run);
  const ctx = new ThreadContext(run, { cells, clock, send: () => {} });
  environment.wallAheadMs = -3_600_000;
  environment.advance(1000);
  expect(ctx.remainingMs).toBe(3000);
  expect(ctx.deadline - Date.now()).toBeWithin(2600, 2701);
  // a loop that takes no messages sees it renewed
  Atomics.store(cells, CELLS.lease, packLease({ sentMs: nodeMs(), remainingMs: 4000 }));
  expect(ctx.remainingMs).toBe(4000);
  environment.wallAheadMs += 60_000;
  expect(ctx.remainingMs).toBe(-56_000);
});
