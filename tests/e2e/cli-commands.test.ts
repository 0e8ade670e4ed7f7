/** Commands to tasks from the command line, on real peers: each command, its JSON, and what it refuses. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runtime } from "../../examples/demo/peer-process.ts";
import { type Client, connectClient, type TaskInfo } from "../../mod.ts";
import { Cluster, stolos } from "../support/cluster.ts";
import { eventually } from "../support/drill.ts";

const LONG = ["--", "sleep", "600"];

class Bench {
  readonly #cluster: Cluster;
  readonly #runtime: Runtime;
  readonly #client: Client;

  constructor(cluster: Cluster, runtime: Runtime, client: Client) {
    this.#cluster = cluster;
    this.#runtime = runtime;
    this.#client = client;
  }

  async run(command: string, ...args: string[]): ReturnType<typeof stolos> {
    return await stolos(this.#runtime, [command, ...await this.#cluster.clientArgs(), ...args]);
  }

  /** Looked at through the library, which is quicker than a process. */
  task(id: string): Promise<TaskInfo | undefined> {
    return this.#client.get(id);
  }

  async until(id: string, state: string): Promise<TaskInfo> {
    let task: TaskInfo | undefined;
    await eventually(async () => (task = await this.task(id))?.state === state);
    expect({ id, state: task?.state }).toEqual({ id, state } as { id: string; state: TaskInfo["state"] });
    return task as TaskInfo;
  }

  async tell(...args: string[]): Promise<unknown> {
    const [command = "", ...rest] = args;
    const result = await this.run(command, "--json", ...rest);
    expect({ args, code: result.code, stderr: result.stderr }).toEqual({ args, code: 0, stderr: "" });
    return result.json();
  }
}

for (const runtimes of [["bun", "deno", "node"]] as const) {
  test(
    `a running command is paused, resumed, sent elsewhere, put to sleep, killed (${runtimes})`,
    async () => {
      const directory = mkdtempSync(join(tmpdir(), "stolos-commands-"));
      const namespace = `commands-${process.pid}`;
      await using cluster = await Cluster.start({ namespace, runtimes, directory });
      try {
        await using client = await connectClient(await cluster.reach());
        const bench = new Bench(cluster, "bun", client);
        await bench.run("submit", "--id", "long", ...LONG);
        const first = await bench.until("long", "leased");

        expect(await bench.tell("pause", "long")).toEqual([{
          id: "long",
          command: "pause",
          status: "queued",
        }]);
        expect(await bench.until("long", "paused")).toMatchObject({
          owner: null,
          commands: [],
          finishedAt: null,
        });
        expect((await bench.task("long"))?.why).toContain("paused");
        expect(await bench.tell("pause", "long")).toMatchObject([{ status: "applied" }]);

        expect(await bench.tell("resume", "long")).toMatchObject([{ command: "resume", status: "applied" }]);
        const second = await bench.until("long", "leased");
        expect(Number(second.fence)).toBeGreaterThan(Number(first.fence));

        await bench.tell("release", "long");
        let third: TaskInfo | undefined;
        const isElsewhere = await eventually(async () => {
          third = await bench.task("long");
          return third?.state === "leased" && third.owner !== second.owner;
        });
        expect({ isElsewhere, attempt: third?.attempt }).toEqual({ isElsewhere: true, attempt: 3 });

        await bench.tell("sleep", "long", "1h");
        expect((await bench.until("long", "sleeping")).why).toContain("sleeps until");
        expect(await bench.tell("kill", "long")).toMatchObject([{ status: "applied" }]);
        expect(await bench.until("long", "killed")).toMatchObject({ why: null, result: null });
        await refusals(bench);
        await waitedFor(bench);
      } finally {
        rmSync(directory, { recursive: true, force: true });
      }
    },
  );
}

async function refusals(bench: Bench): Promise<void> {
  const missing = await bench.run("pause", "nobody");
  expect({ code: missing.code, stdout: missing.stdout }).toEqual({ code: 3, stdout: "" });
  expect(missing.stderr).toContain('Cannot pause task "nobody": there is no such task');
  const ended = await bench.run("kill", "long");
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('Cannot kill task "long": it has ended');
  const soon = await bench.run("sleep", "long", "soon");
  expect({ code: soon.code, says: soon.stderr.includes("Cannot read DURATION: needs a duration") }).toEqual({
    code: 1,
    says: true,
  });
  const nothing = await bench.run("release");
  expect({ code: nothing.code, says: nothing.stderr.includes("ID is missing") }).toEqual({
    code: 1,
    says: true,
  });
}

/** Whoever waits for a task is told that it was killed: exit code 4. */
async function waitedFor(bench: Bench): Promise<void> {
  const waiting = bench.run("submit", "--json", "--wait", "--id", "doomed", ...LONG);
  await bench.until("doomed", "leased");
  expect(await bench.tell("checkpoint", "doomed")).toMatchObject([{ status: "queued" }]);
  expect((await bench.task("doomed"))?.commands).toEqual([{ type: "checkpoint" }]);
  await bench.tell("kill", "doomed");
  const { code, json } = await waiting;
  expect(code).toBe(4);
  expect(json().at(-1)).toMatchObject({ id: "doomed", state: "killed" });
}
