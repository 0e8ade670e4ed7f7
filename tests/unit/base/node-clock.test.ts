/** The clocks of a node, on a machine that is made up. */
import { expect, test } from "bun:test";
import { NodeClock } from "../../../src/base/node-clock.ts";

class Machine {
  mono = 1000;
  /** Since 1_700_000_000_000: near that, adding fractions would round. */
  wall = 0;
  uptime = 50_000;

  readonly source: { monoMs(): number; wallMs(): number; uptimeMs(): number } = {
    monoMs: () => this.mono,
    wallMs: () => 1_700_000_000_000 + Math.floor(this.wall),
    uptimeMs: () => Math.floor(this.uptime / 10) * 10,
  };

  pass(ms: number): void {
    this.mono += ms;
    this.wall += ms;
    this.uptime += ms;
  }
}

function started(): { machine: Machine; clock: NodeClock; startMs: number } {
  const machine = new Machine();
  const clock = new NodeClock(machine.source);
  return { machine, clock, startMs: clock.read().leaseMs };
}

test("the lease clock runs with the monotonic one, whatever the resolution of the others", () => {
  const { machine, clock, startMs } = started();
  let leaseMs = startMs;
  for (let i = 0; i < 100_000; i++) {
    machine.pass(0.37);
    leaseMs = clock.read().leaseMs;
  }
  expect(leaseMs - startMs).toBeCloseTo(37_000, 3);
});

test("a suspended machine's lease clock jumps by the time that its monotonic clock did not see", () => {
  const { machine, clock, startMs } = started();
  machine.wall += 9000;
  machine.uptime += 9000;
  machine.pass(10);
  expect(clock.read().leaseMs - startMs).toBeCloseTo(9010, 0);
  expect(clock.jumpsMs).toBeCloseTo(9000, 0);
});

test("a suspension shows in the uptime even when the wall clock was set back meanwhile", () => {
  const { machine, clock, startMs } = started();
  machine.uptime += 9000;
  machine.wall -= 3_600_000;
  machine.pass(300);
  expect(clock.read().leaseMs - startMs).toBeGreaterThanOrEqual(9290);
});

test("a wall clock that is set back changes nothing, one that is set ahead ends leases early", () => {
  const { machine, clock, startMs } = started();
  machine.wall -= 60_000;
  machine.pass(10);
  expect(clock.read().leaseMs - startMs).toBeCloseTo(10, 3);
  machine.wall += 60_000;
  machine.pass(10);
  expect(clock.read().leaseMs - startMs).toBeCloseTo(60_020, 0);
});

test("no clock goes back", () => {
  const { machine, clock } = started();
  const before = clock.read();
  machine.mono -= 500;
  const after = clock.read();
  expect(after.monoMs).toBeGreaterThanOrEqual(before.monoMs);
  expect(after.leaseMs).toBeGreaterThanOrEqual(before.leaseMs);
});

test("a process that is held up between two readings does not see jumps", () => {
  const machine = new Machine();
  let isHeldUp = false;
  const held = (value: () => number): () => number => () => {
    const seen = value();
    if (isHeldUp) machine.pass(80);
    return seen;
  };
  const { monoMs, wallMs, uptimeMs } = machine.source;
  const clock = new NodeClock({ monoMs: held(monoMs), wallMs: held(wallMs), uptimeMs: held(uptimeMs) });
  const before = clock.read();
  for (let i = 0; i < 100; i++) {
    isHeldUp = i % 2 === 0;
    clock.read();
    machine.pass(260);
  }
  isHeldUp = false;
  const after = clock.read();
  expect(after.leaseMs - before.leaseMs).toBeCloseTo(after.monoMs - before.monoMs, 3);
});
