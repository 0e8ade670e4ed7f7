/** Claims about process groups: what counts as life, and how one is found. Real processes. */
import { afterEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { groupsWith, lingering, parseStat, systemGroups } from "../../../../src/cli/exec/process-group.ts";

const hasProc = existsSync("/proc/1/stat");
const made: number[] = [];

afterEach(() => {
  for (const group of made.splice(0)) systemGroups.signal(group, "SIGKILL");
});

interface Started {
  readonly child: ChildProcess;
  readonly group: number;
  /** The first line that it said. */
  readonly said: string;
}

/** A shell that leads a group of its own, once it has said something. */
async function start(script: string, env: Readonly<Record<string, string>> = {}): Promise<Started> {
  const child = spawn("sh", ["-c", script], {
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, ...env },
  });
  const group = child.pid ?? 0;
  made.push(group);
  const [said] = await once(child.stdout!, "data");
  return { child, group, said: String(said).trim() };
}

const isAlive = (group: number): boolean => systemGroups.living([group]).has(group);

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("a group lives while any process of it does, whoever its parent is now", async () => {
  const { child, group } = await start("sleep 30 >/dev/null & echo ready");
  if (child.exitCode === null) await once(child, "exit");
  expect(isAlive(group)).toBe(true);
  expect(systemGroups.signal(group, "SIGKILL")).toBe("sent");
  await until(() => !isAlive(group));
});

test("a group that is gone takes no signal", async () => {
  const { child, group } = await start("echo ready");
  if (child.exitCode === null) await once(child, "exit");
  expect(systemGroups.signal(group, "SIGTERM")).toBe("gone");
  expect(isAlive(group)).toBe(false);
});

test.skipIf(!hasProc)("zombies are no life, though the kernel still counts them", async () => {
  // What sleeps in its parent's place never asks how it ended; the parent would, so it lives until then.
  const untilSleep = `until [ "$(cat /proc/$0/comm)" = sleep ]; do :; done`;
  const { said } = await start(`setsid sh -c '${untilSleep}' $$ & echo $!; exec sleep 30`);
  const zombie = Number(said);
  await until(() => readFileSync(`/proc/${zombie}/stat`, "utf8").includes(") Z "));
  expect(() => process.kill(-zombie, 0)).not.toThrow();
  expect(isAlive(zombie)).toBe(false);
});

test.skipIf(!hasProc)("several groups are looked at together", async () => {
  const [one, two] = await Promise.all([start("echo 1; exec sleep 30"), start("echo 2; exec sleep 30")]);
  systemGroups.signal(one.group, "SIGKILL");
  await until(() => !isAlive(one.group));
  expect([...systemGroups.living([one.group, two.group])]).toEqual([[two.group, "ours"]]);
});

test.skipIf(!hasProc)("a command is found by its environment, whatever it runs by now", async () => {
  const env = { STOLOS_FENCE: "17", STOLOS_TASK_ID: `found-${process.pid}` };
  const { group } = await start("sleep 30 >/dev/null & echo ready", env);
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  expect(groupsWith(variables)).toEqual([group]);
  expect(groupsWith([...variables, "STOLOS_ATTEMPT=2"])).toEqual([]);
});

test("the state of a process is read whatever its name is", () => {
  const fields = "0 -1 4194304 102 0 0 0 0 0 0 0 20 0 1 0 335367";
  const stat = (state: string, rest = fields): string => `12 (a) Z (b\n) ${state} 1 34 56 ${rest}`;
  expect(parseStat(stat("S"))).toEqual({ isAlive: true, group: 34, session: 56 });
  expect(parseStat(stat("D"))?.isAlive).toBe(true);
  expect(parseStat(stat("Z"))?.isAlive).toBe(false);
  expect(parseStat(stat("X"))?.isAlive).toBe(false);
  expect(parseStat("")).toBeUndefined();
});

test("a process whose first thread has ended lives while others go on", () => {
  const threads = (count: number): string =>
    `12 (a) Z 1 34 56 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 ${count} 0 3`;
  expect(parseStat(threads(2))?.isAlive).toBe(true);
  expect(parseStat(threads(1))?.isAlive).toBe(false);
});

test("why a group lives on is said with its number", () => {
  expect(lingering(4711, "foreign")).toBe("cannot signal group 4711: not permitted");
  expect(lingering(4711, "ours")).toBe("group 4711 lives on after SIGKILL");
});
