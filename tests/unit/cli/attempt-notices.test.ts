/** What `submit --wait` says of attempts that failed. */
import { expect, test } from "bun:test";
import type { Client, TaskErrorInfo, TaskInfo } from "../../../mod.ts";
import { noteFailedAttempts } from "../../../src/cli/attempt-notices.ts";
import { snapshot } from "../../support/fake-port.ts";

function errorOf(attempt: number, more: Partial<TaskErrorInfo> = {}): TaskErrorInfo {
  const fence = String(attempt * 10);
  const rest = { at: "", fence, node: "n", nodeName: "n", kind: "error", cause: null, stack: null } as const;
  return { attempt, message: "no", ...rest, ...more };
}

/** What is said when the task looks like that at one look after the other, and has ended at the last. */
async function saidOf(...looks: (Partial<TaskInfo> | Error)[]): Promise<string[]> {
  const said: string[] = [];
  const ended = new AbortController();
  const get: Client["get"] = () => {
    const look = looks.shift()!;
    if (looks.length === 0) ended.abort();
    if (look instanceof Error) return Promise.reject(look);
    return Promise.resolve({
      ...snapshot("t"),
      input: null,
      tags: [],
      ageMs: 0,
      progress: null,
      result: null,
      ...look,
    });
  };
  // the last one is looked at when it is known that it has ended
  looks.push(looks.at(-1)!);
  await noteFailedAttempts({ get }, "t", { note: (line) => said.push(line) }, ended.signal);
  return said;
}

test("each failed attempt is said once, whatever number of looks it is seen at", async () => {
  const errors = [errorOf(1), errorOf(2)];
  expect(await saidOf({ errors: [] }, { errors: errors.slice(0, 1) }, { errors })).toEqual([
    "stolos: attempt 1 failed: no",
    "stolos: attempt 2 failed: no",
  ]);
});

test("when it is tried again is said of the newest, and what it wrote last", async () => {
  const errors = [errorOf(1), errorOf(2, { cause: "ls: no such file\n\n\u001b[31mred" })];
  const wakeAt = new Date(Date.now() + 3_599_000).toISOString();
  const said = await saidOf({ state: "sleeping", fence: "20", wakeAt, errors });
  expect(said).toEqual([
    "stolos: attempt 1 failed: no",
    expect.stringMatching(/^stolos: attempt 2 failed: no; next try in 59m\d+s$/),
    "  ls: no such file",
    "  \\u001b[31mred",
  ]);
});

test("what was lost is no failure, and a cluster that does not answer is asked again", async () => {
  const errors = [errorOf(2)];
  const where = { at: "", node: "n", nodeName: "n", ranMs: 10 };
  const lapses = [
    { attempt: 1, fence: "10", counted: false, ...where },
    { attempt: 3, fence: "30", counted: true, ...where },
  ];
  expect(await saidOf(new Error("no quorum"), { errors, lapses })).toEqual([
    "stolos: attempt 1 was lost: its node was not heard for a whole lease",
    "stolos: attempt 2 failed: no",
    "stolos: attempt 3 was lost: the process of its node died",
  ]);
});
