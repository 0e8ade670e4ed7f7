/** Claims about the leash's times: what a slow pipe, a stopped process or a suspended machine may not do. */
import { expect, test } from "bun:test";
import { LeashClock, untilMs } from "../../../../src/cli/exec/leash-clock.ts";
import { lineParser } from "../../../../src/cli/exec/leash-messages.ts";
import { KILL_LEAD_MS, LeashSchedule } from "../../../../src/cli/exec/leash-schedule.ts";

const at = (ms: number): { monoMs: number; wallMs: number } => ({ monoMs: ms, wallMs: ms });

test("a line that waited in the pipe gains no time", () => {
  const clock = new LeashClock();
  clock.heard({ monoMs: 0, wallMs: 0 }, 1000);
  clock.heard({ monoMs: 10, wallMs: 10 }, 1510);
  expect(clock.deadline({ monoMs: 10, wallMs: 10 }, 400).monoMs).toBe(1410);
});

test("a faster delivery only brings deadlines forward", () => {
  const clock = new LeashClock();
  clock.heard({ monoMs: 0, wallMs: 0 }, 1200);
  expect(clock.deadline({ monoMs: 0, wallMs: 0 }, 400).monoMs).toBe(1600);
  clock.heard({ monoMs: 100, wallMs: 100 }, 1101);
  expect(clock.deadline({ monoMs: 100, wallMs: 100 }, 400).monoMs).toBe(1501);
});

test("a machine that was suspended finds its deadlines passed, though its clock stood still", () => {
  const clock = new LeashClock();
  clock.heard({ monoMs: 0, wallMs: 5000 }, 0);
  const deadline = clock.deadline({ monoMs: 0, wallMs: 5000 }, 4000);
  expect(untilMs(deadline, { monoMs: 10, wallMs: 5010 })).toBe(3990);
  expect(untilMs(deadline, { monoMs: 20, wallMs: 60_000 })).toBeLessThan(0);
});

test("SIGTERM comes a grace before the lease ends and SIGKILL before its end, each once", () => {
  const schedule = new LeashSchedule(at(4000), 1000);
  expect(schedule.waitMs(at(0))).toBe(3000);
  expect(schedule.due(at(2999))).toBe("none");
  expect(schedule.due(at(3000))).toBe("term");
  expect(schedule.due(at(3001))).toBe("none");
  expect(schedule.waitMs(at(3001))).toBe(999 - KILL_LEAD_MS);
  expect(schedule.due(at(4000 - KILL_LEAD_MS))).toBe("kill");
  expect(schedule.due(at(5000))).toBe("none");
  expect(schedule.waitMs(at(5000))).toBe(Infinity);
});

test("a renewal puts both off, until the command was asked to stop", () => {
  const schedule = new LeashSchedule(at(4000), 1000);
  schedule.renew(at(6000));
  expect(schedule.due(at(4500))).toBe("none");
  expect(schedule.due(at(5000))).toBe("term");
  schedule.renew(at(9000));
  expect(schedule.due(at(6000 - KILL_LEAD_MS))).toBe("kill");
});

test("a stop never lets a command run past its lease, however long its grace", () => {
  const schedule = new LeashSchedule(at(4000), 1000);
  schedule.stop(60_000, at(100));
  expect(schedule.stopping).toBe(true);
  expect(schedule.due(at(3900))).toBe("none");
  expect(schedule.due(at(4000 - KILL_LEAD_MS))).toBe("kill");
});

test("a second stop may shorten the first, never lengthen it", () => {
  const schedule = new LeashSchedule(at(10_000), 1000);
  schedule.stop(1000, at(0));
  schedule.stop(5000, at(10));
  expect(schedule.waitMs(at(10))).toBe(990);
  schedule.stop(0, at(20));
  expect(schedule.due(at(20))).toBe("kill");
});

test("lines survive being cut anywhere, also within a character", () => {
  const seen: unknown[] = [];
  const parse = lineParser((line) => seen.push(line));
  for (const byte of new TextEncoder().encode('{"a":"é"}\n\n{"b":1}\n{"c"')) parse(Uint8Array.of(byte));
  expect(seen).toEqual([{ a: "é" }, { b: 1 }]);
});
