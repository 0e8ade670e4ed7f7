/** Claims about the leash's times: when a command may start, is asked to end and is ended. */
import { expect, test } from "bun:test";
import { lineParser } from "../../../../src/cli/exec/leash-messages.ts";
import { KILL_LEAD_MS, LeashSchedule } from "../../../../src/cli/exec/leash-schedule.ts";

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
