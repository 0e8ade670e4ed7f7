/** Durations from elsewhere: what a slow pipe, a stopped process or a clock that jumps may not do. */
import { expect, test } from "bun:test";
import { SenderClock } from "../../../src/base/sender-clock.ts";

/** The clocks of a machine on which sender and receiver run. */
class Machine {
  monoMs = 0;
  /** Since 1_700_000_000_000. */
  wallMs = 0;
  suspendedMs = 0;
  readonly clock: SenderClock;

  constructor() {
    this.clock = new SenderClock({
      monoMs: () => this.monoMs,
      wallMs: () => 1_700_000_000_000 + this.wallMs,
      uptimeMs: () => this.monoMs + this.suspendedMs,
    });
  }

  pass(ms: number): void {
    this.monoMs += ms;
    this.wallMs += ms;
  }

  suspend(ms: number): void {
    this.suspendedMs += ms;
    this.wallMs += ms;
  }
}

test("a line that waited in the pipe gains no time", () => {
  const machine = new Machine();
  machine.pass(1000);
  machine.clock.heard({ sentMs: 0 });
  machine.pass(510);
  machine.clock.heard({ sentMs: 10 });
  expect(machine.clock.deadlineMs({ sentMs: 10, remainingMs: 400 }) - machine.clock.nowMs()).toBe(-100);
});

test("a faster delivery only brings deadlines forward", () => {
  const machine = new Machine();
  machine.pass(1200);
  machine.clock.heard({ sentMs: 1000 });
  const firstMs = machine.clock.deadlineMs({ sentMs: 1000, remainingMs: 400 });
  expect(firstMs - machine.clock.nowMs()).toBe(400);
  machine.pass(1);
  machine.clock.heard({ sentMs: 1100 });
  expect(machine.clock.deadlineMs({ sentMs: 1100, remainingMs: 400 }) - machine.clock.nowMs()).toBe(400);
  // what was set before was meant to be sooner by so much
  expect(firstMs - machine.clock.nowMs()).toBe(300);
});

test("a machine that was suspended finds its deadlines passed, though its clock stood still", () => {
  const machine = new Machine();
  machine.clock.heard({ sentMs: 0 });
  const deadlineMs = machine.clock.deadlineMs({ sentMs: 0, remainingMs: 4000 });
  machine.pass(10);
  expect(deadlineMs - machine.clock.nowMs()).toBe(3990);
  machine.pass(10);
  machine.suspend(60_000);
  expect(deadlineMs - machine.clock.nowMs()).toBeLessThan(0);
});

test("a line that waited while the machine was suspended gains no time", () => {
  const machine = new Machine();
  machine.clock.heard({ sentMs: 0 });
  machine.pass(1000);
  machine.clock.nowMs();
  machine.pass(100);
  const sentMs = machine.monoMs;
  machine.suspend(60_000);
  machine.pass(1);
  machine.clock.heard({ sentMs: sentMs });
  expect(machine.clock.deadlineMs({ sentMs: sentMs, remainingMs: 4000 })).toBeLessThan(machine.clock.nowMs());
  machine.pass(10);
  machine.clock.heard({ sentMs: machine.monoMs });
  expect(machine.clock.deadlineMs({ sentMs: machine.monoMs, remainingMs: 4000 }) - machine.clock.nowMs())
    .toBe(4000);
});

test("a wall clock that is set back gives a command no time, one set ahead takes some", () => {
  const machine = new Machine();
  machine.clock.heard({ sentMs: 0 });
  const deadlineMs = machine.clock.deadlineMs({ sentMs: 0, remainingMs: 4000 });
  machine.wallMs -= 3_600_000;
  machine.pass(3000);
  expect(deadlineMs - machine.clock.nowMs()).toBe(1000);
  machine.wallMs += 10_000;
  expect(deadlineMs - machine.clock.nowMs()).toBeLessThan(0);
});
