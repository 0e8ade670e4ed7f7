/** What a node writes to its program's log. */
import { expect, test } from "bun:test";
import { createNode, defineTask, FatalError, type LogLevel, type LogRecord } from "../../../mod.ts";

const work = defineTask<string, null>({ name: "work" });

/** The records of a node that completes one task, fails one, and stops. */
async function life(logLevel?: LogLevel): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const log = (record: LogRecord): void => void records.push(record);
  const more = logLevel === undefined ? {} : { logLevel };
  const node = await createNode({ coordinator: "embedded", name: "n", log, ...more });
  node.handle(work, ({ input }) => {
    if (input === "fail") throw new FatalError("no");
    return null;
  });
  await node.ready();
  for (const input of ["ok", "fail"]) await (await node.client.submit(work, input, { id: input })).done();
  await node.stop();
  return records;
}

test("from info on a node logs its life, and of its tasks what went wrong", async () => {
  const records = await life();
  expect(records.map(({ level, event }) => `${level} ${event}`)).toEqual([
    "info ready",
    "warn task:error",
    "info draining",
    "info stopped",
  ]);
  const error = records[1]!;
  expect(error).toMatchObject({
    node: "n",
    task: "fail",
    name: "work",
    attempt: 1,
  });
  expect(error.fence).toMatch(/^\d+$/);
  expect(error.reason).toContain("no");
  expect(new Date(error.time).getTime()).toBeLessThanOrEqual(Date.now());
  expect(JSON.parse(JSON.stringify(error))).toEqual(error);
});

test("debug has every attempt, error almost nothing", async () => {
  const events = (await life("debug")).map(({ event }) => event);
  expect(events).toContain("task:start");
  expect(events).toContain("task:done");
  expect(await life("error")).toEqual([]);
});

test("a log that throws does not stop the node", async () => {
  const log = (): void => {
    throw new Error("full");
  };
  await using node = await createNode({ coordinator: "embedded", log, logLevel: "debug" });
  node.handle(work, () => null);
  const handle = await node.client.submit(work, "ok");
  expect((await handle.done()).state).toBe("completed");
});

test("bad log options are refused", async () => {
  // as a program without types might
  const bad = (options: object): Promise<unknown> => createNode({ coordinator: "embedded", ...options });
  await expect(bad({ log: "file" })).rejects.toThrow("log must be a function");
  await expect(bad({ logLevel: "loud" })).rejects.toThrow("logLevel must be one of error, warn, info, debug");
});
