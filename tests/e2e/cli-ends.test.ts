/** `stolos retry`, `purge`, `clone`, `retention` and the filters of `tasks`, on peers of three runtimes. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Client, connectClient } from "../../mod.ts";
import { exec } from "../../src/cli/exec/exec.ts";
import { Cluster, type CommandResult, stolos } from "../support/cluster.ts";
import { eventually } from "../support/drill.ts";

let cluster: Cluster;
let reach: readonly string[];
/** For what is not about the command line: it is quicker than a process. */
let client: Client & AsyncDisposable;

beforeAll(async () => {
  const namespace = `cli-ends-${process.pid}`;
  cluster = await Cluster.start({
    namespace,
    runtimes: ["node", "bun", "deno"],
    args: ["--lease-ttl", "10s"],
  });
  reach = await cluster.clientArgs();
  client = await connectClient({ ...await cluster.reach(), timeoutMs: 60_000 });
});

afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
});

const run = (name: string, ...args: readonly string[]): Promise<CommandResult> =>
  stolos("bun", [name, ...reach, "--timeout", "60s", ...args]);

const ids = (result: CommandResult): unknown[] => result.json().map(({ id }) => id).sort();

/** Tags and ids as they are looked for below. */
async function submitSome(): Promise<void> {
  const fails = { argv: ["sh", "-c", "exit 3"] };
  for (const id of ["bad/1", "bad/2"]) {
    await (await client.submit(exec, fails, { id, tags: ["eu"], attempts: 1 })).done();
  }
  await (await client.submit(exec, { argv: ["true"] }, { id: "good", tags: ["eu", "us"] })).done();
}

test("tasks are listed by state, name, tag, beginning of the id, time and in pages", async () => {
  await submitSome();
  expect(ids(await run("tasks", "--json", "--state", "failed"))).toEqual(["bad/1", "bad/2"]);
  expect(ids(await run("tasks", "--json", "--state", "failed", "--state", "completed")).length).toBe(3);
  expect(ids(await run("tasks", "--json", "--tag", "us"))).toEqual(["good"]);
  expect(ids(await run("tasks", "--json", "--name", "exec", "--id-prefix", "bad/"))).toEqual([
    "bad/1",
    "bad/2",
  ]);
  expect(ids(await run("tasks", "--json", "--name", "other"))).toEqual([]);
  expect(ids(await run("tasks", "--json", "--since", "1h")).length).toBe(3);
  expect(ids(await run("tasks", "--json", "--until", "1h"))).toEqual([]);
  const first = await run("tasks", "--json", "--limit", "1");
  const cursor = /--cursor '?([^'\n]+)/.exec(first.stderr)?.[1] ?? "";
  const rest = await run("tasks", "--json", "--cursor", cursor);
  expect([...ids(first), ...ids(rest)].sort()).toEqual(["bad/1", "bad/2", "good"]);
  const wrong = await run("tasks", "--since", "yesterday");
  expect({ code: wrong.code, says: wrong.stderr.includes("needs a time such as") }).toEqual({
    code: 1,
    says: true,
  });
});

test(
  "a retry names the end that it shows; of an older end and of a completed task it is refused",
  async () => {
    const [before] = (await run("task", "--json", "bad/1")).json();
    expect(before).toMatchObject({ tags: ["eu"], input: { argv: ["sh", "-c", "exit 3"] } });
    const shown = await run("retry", "bad/1");
    expect(shown.stdout).toContain(`bad/1 is failed under fence ${before?.fence}`);
    expect(shown.stdout).toContain("bad/1 retried");
    const again = await run("retry", "bad/1", "--fence", String(before?.fence));
    expect([again.code, again.stderr.includes("retried it since") || again.stderr.includes("ended again")])
      .toEqual([1, true]);
    const good = await run("retry", "good");
    expect([good.code, good.stderr.includes("a clone of it can run anew")]).toEqual([1, true]);
    expect((await run("retry", "nobody")).code).toBe(3);
    expect((await run("retry", "--tag", "eu", "bad/1")).stderr).toContain("--tag needs --all");
  },
);

test("all that a filter names are retried, and purged", async () => {
  const counts = async (...args: readonly string[]): Promise<unknown> =>
    (await run(args[0]!, "--json", "--all", ...args.slice(1))).json()[0];
  // the one that was retried before has failed again by now, or runs still
  expect(await counts("retry", "--id-prefix", "bad/2")).toMatchObject({ done: 1, skipped: 0 });
  const left = (): Promise<unknown[]> => Array.fromAsync(client.list({ states: ["pending", "leased"] }));
  expect(await eventually(async () => (await left()).length === 0)).toBe(true);
  expect(await counts("purge", "--state", "failed")).toEqual({ command: "purge", done: 2, skipped: 0 });
  expect(ids(await run("tasks", "--json"))).toEqual(["good"]);
});

test("a clone runs under another id, and a purge of one task says what it forgot", async () => {
  const clone = await run("clone", "good", "--id", "good-2", "--json");
  expect(clone.json()).toEqual([{ id: "good-2", created: true }]);
  expect((await run("clone", "good", "--id", "good-2", "--json")).json()).toEqual([
    { id: "good-2", created: false },
  ]);
  expect((await run("purge", "good")).stdout).toContain("good purged");
  expect((await run("task", "good")).code).toBe(3);
});

test("the retention is shown and changed", async () => {
  expect((await run("retention", "--json")).json()).toEqual([{
    completedMs: 3_600_000,
    failedMs: 604_800_000,
  }]);
  const changed = await run("retention", "--json", "--failed", "30d");
  expect(changed.json()).toEqual([{ completedMs: 3_600_000, failedMs: 2_592_000_000 }]);
  expect((await run("retention")).stdout).toContain("720h0m");
  expect((await run("retention", "--failed", "1ms")).code).toBe(1);
});
