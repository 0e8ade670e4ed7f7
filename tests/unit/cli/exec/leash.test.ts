/** Claims about the leash's times: what a slow pipe, a stopped process or a clock that jumps may not do. */
import { expect, test } from "bun:test";
import { LeashClock } from "../../../../src/cli/exec/leash-clock.ts";
import { lineParser } from "../../../../src/cli/exec/leash-messages.ts";
import { KILL_LEAD_MS, LeashSchedule } from "../../../../src/cli/exec/leash-schedule.ts";

/** The clocks of a machine on which peer and supervisor run. */
class Machine {
  monoMs = 0;
  /** Since 1_700_000_000_000. */
  wallMs = 0;
  suspendedMs = 0;
  readonly clock: LeashClock;

  constructor() {
    this.clock = new LeashClock({
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
  machine.clock.heard(0);
  machine.pass(510);
  machine.clock.heard(10);
  expect(machine.clock.deadlineMs(10, 400)).toBe(1410);
});

test("a faster delivery only brings deadlines forward", () => {
  const machine = new Machine();
  machine.pass(1200);
  machine.clock.heard(1000);
  expect(machine.clock.deadlineMs(1000, 400)).toBe(1600);
  machine.pass(1);
  machine.clock.heard(1100);
  expect(machine.clock.deadlineMs(1100, 400)).toBe(1601);
});

test("a machine that was suspended finds its deadlines passed, though its clock stood still", () => {
  const machine = new Machine();
  machine.clock.heard(0);
  const deadlineMs = machine.clock.deadlineMs(0, 4000);
  machine.pass(10);
  expect(deadlineMs - machine.clock.nowMs()).toBe(3990);
  machine.pass(10);
  machine.suspend(60_000);
  expect(deadlineMs - machine.clock.nowMs()).toBeLessThan(0);
});

test("a line that waited while the machine was suspended gains no time", () => {
  const machine = new Machine();
  machine.clock.heard(0);
  machine.pass(1000);
  machine.clock.nowMs();
  machine.pass(100);
  const sentMs = machine.monoMs;
  machine.suspend(60_000);
  machine.pass(1);
  machine.clock.heard(sentMs);
  expect(machine.clock.deadlineMs(sentMs, 4000)).toBeLessThan(machine.clock.nowMs());
  machine.pass(10);
  machine.clock.heard(machine.monoMs);
  expect(machine.clock.deadlineMs(machine.monoMs, 4000) - machine.clock.nowMs()).toBe(4000);
});

test("a wall clock that is set back gives a command no time, one set ahead takes some", () => {
  const machine = new Machine();
  machine.clock.heard(0);
  const deadlineMs = machine.clock.deadlineMs(0, 4000);
  machine.wallMs -= 3_600_000;
  machine.pass(3000);
  expect(deadlineMs - machine.clock.nowMs()).toBe(1000);
  machine.wallMs += 10_000;
  expect(deadlineMs - machine.clock.nowMs()).toBeLessThan(0);
});

test("SIGTERM comes a margin before the lease ends and SIGKILL before its end, each once", () => {
  const schedule = new LeashSchedule(4000, 1000);
  expect(schedule.waitMs(0)).toBe(3000);
  expect(schedule.due(2999)).toBe("none");
  expect(schedule.due(3000)).toBe("term");
  expect(schedule.due(3001)).toBe("none");
  expect(schedule.waitMs(3001)).toBe(999 - KILL_LEAD_MS);
  expect(schedule.due(4000 - KILL_LEAD_MS)).toBe("kill");
  expect(schedule.due(5000)).toBe("none");
  expect(schedule.waitMs(5000)).toBe(Infinity);
});

test("nothing starts within the margin of its lease's end, nor after a stop", () => {
  const schedule = new LeashSchedule(4000, 1000);
  expect(schedule.mayStart(2999)).toBe(true);
  expect(schedule.mayStart(3000)).toBe(false);
  schedule.renew(6000);
  expect(schedule.mayStart(3000)).toBe(true);
  schedule.stop(8000);
  expect(schedule.mayStart(3000)).toBe(false);
});

test("a renewal puts both off, until the command was asked to stop", () => {
  const schedule = new LeashSchedule(4000, 1000);
  schedule.renew(6000);
  expect(schedule.due(4500)).toBe("none");
  expect(schedule.due(5000)).toBe("term");
  schedule.renew(9000);
  expect(schedule.due(6000 - KILL_LEAD_MS)).toBe("kill");
});

test("a stop never lets a command run past its lease, however long its grace", () => {
  const schedule = new LeashSchedule(4000, 1000);
  schedule.stop(60_100);
  expect(schedule.stopping).toBe(true);
  expect(schedule.due(3900)).toBe("none");
  expect(schedule.due(4000 - KILL_LEAD_MS)).toBe("kill");
});

test("a second stop may shorten the first, never lengthen it", () => {
  const schedule = new LeashSchedule(10_000, 1000);
  schedule.stop(1000);
  schedule.stop(5010);
  expect(schedule.waitMs(10)).toBe(990 - KILL_LEAD_MS);
  schedule.stop(20);
  expect(schedule.due(20)).toBe("kill");
});

test("lines survive being cut anywhere, also within a character", () => {
  const seen: unknown[] = [];
  const parse = lineParser((line) => seen.push(line));
  for (const byte of new TextEncoder().encode('{"a":"é"}\n\n{"b":1}\n{"c"')) parse(Uint8Array.of(byte));
  expect(seen).toEqual([{ a: "é" }, { b: 1 }]);
});
