/** What becomes of the output of commands whose tasks are forgotten. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createNode, NoQuorumError, type TaskInfo } from "../../../../mod.ts";
import { exec, handleExec } from "../../../../src/cli/exec/exec.ts";
import { fileNameOfId, outputHeader, writeOutputId } from "../../../../src/cli/exec/output-names.ts";
import { removeForgotten } from "../../../../src/cli/exec/output-sweeper.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stolos-sweep-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(file: string, node = "a"): void {
  const header = outputHeader({ attempt: 1, fence: 7n, node, at: new Date(0) });
  writeFileSync(join(directory, file), `${header}\nsaid\n`);
}

/** What is left after one sweep of a node named "a". */
async function leftAfter(
  known: readonly string[],
  { isOwn = true, isRunning = (_id: string): boolean => false, isAnswered = true } = {},
): Promise<string[]> {
  const get = (id: string): Promise<TaskInfo | undefined> => {
    if (!isAnswered) return Promise.reject(new NoQuorumError("nobody"));
    return Promise.resolve(known.includes(id) ? {} as TaskInfo : undefined);
  };
  const client: Pick<Client, "get"> = { get };
  const never = new AbortController().signal;
  await removeForgotten({ name: "a", client }, { directory, isOwn, isRunning }, never);
  return readdirSync(directory).sort();
}

test("all files of a task that is forgotten go, those of one that is known stay", async () => {
  for (const name of ["gone", "known"]) {
    for (const end of ["out", "out.1", "err", "err.1"]) write(`${name}.${end}`);
  }
  expect(await leftAfter(["known"])).toEqual(["known.err", "known.err.1", "known.out", "known.out.1"]);
});

test("an id that is too long for a file name is known again", async () => {
  const long = "x".repeat(256);
  for (const id of [long, `${long.slice(1)}y`]) {
    writeOutputId(directory, id);
    write(`${fileNameOfId(id)}.out`);
  }
  const name = fileNameOfId(long);
  expect(await leftAfter([long])).toEqual([`${name}.id`, `${name}.out`]);
});

test("while nobody can be asked, and while it runs, everything stays", async () => {
  write("gone.out");
  expect(await leftAfter([], { isAnswered: false })).toEqual(["gone.out"]);
  let looks = 0;
  // it is submitted anew and begins while the question is under way
  expect(await leftAfter([], { isRunning: () => looks++ > 0 })).toEqual(["gone.out"]);
  expect(await leftAfter([])).toEqual([]);
});

test("what is no output of a command, or of another node's, is left alone", async () => {
  write("gone.out");
  write("other.out", "b");
  write("not%ZZ.out");
  write("not a name.out");
  writeFileSync(join(directory, "build.out"), "=== attempt to build\n");
  writeFileSync(join(directory, "state"), "");
  const strange = ["build.out", "not a name.out", "not%ZZ.out", "other.out", "state"];
  expect(await leftAfter([], { isOwn: false })).toEqual(strange);
  expect(await leftAfter([])).toEqual(strange.filter((name) => name !== "other.out"));
});

test("a node leaves no file of commands past their retention", async () => {
  const count = 200;
  await using node = await createNode({ coordinator: "embedded", partitions: 4 });
  await using _exec = handleExec(node, { directory, sweepEveryMs: 200 });
  await node.ready();
  const items = Array.from(
    { length: count },
    (_, at) => ({ id: `${at}`, input: { argv: ["echo", `${at}`] } }),
  );
  const handles = await node.client.submitMany(exec, items, {
    retention: { completedMs: 1000, failedMs: 1000 },
  });
  const [last] = await Promise.all([handles.at(-1)!.done(), ...handles.map((handle) => handle.done())]);
  expect(last?.state).toBe("completed");
  while (readdirSync(directory).length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
});
