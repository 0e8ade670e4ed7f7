/**
 * Claims about the exec handler: how a command's end becomes the end of its attempt. Real processes, no
 * cluster.
 */
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context, Node, Task } from "../../../../mod.ts";
import { exec, handleExec } from "../../../../src/cli/exec/exec.ts";
import type { ExecInput } from "../../../../src/cli/exec/exec.ts";

type Handler = (task: Task<ExecInput>, ctx: Context) => Promise<unknown>;

/** The handler on a node of paper, with attempts that last until they are aborted. */
class Bench implements AsyncDisposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "stolos-exec-"));
  readonly #exec: AsyncDisposable;
  #handler: Handler | undefined;

  constructor() {
    const node = { name: "a", handle: (_: unknown, handler: Handler) => this.#handler = handler };
    // The handler asks a node for no more than these two.
    this.#exec = handleExec(node as unknown as Node, { directory: this.directory });
  }

  run(argv: string[], signal: AbortSignal = new AbortController().signal): Promise<unknown> {
    const task: Task<ExecInput> = {
      id: "x/1",
      name: "exec",
      input: { argv, env: { EXTRA: "e" } },
      state: undefined,
    };
    const ctx: Context = {
      signal,
      fence: 17n,
      attempt: 2,
      deadline: Date.now() + 10_000,
      marginMs: 1000,
      checkpoint: () => Promise.resolve(),
      beat: () => {},
      onDeadline: () => () => {},
      commands: (async function* () {})(),
      progress: () => {},
      load: () => {},
      meter: { mark: () => {}, rate: 0 },
      onHandOff: () => {},
    };
    if (this.#handler === undefined) throw new Error("Cannot run: no handler was added");
    return this.#handler(task, ctx);
  }

  read(end: "out" | "err"): string[] {
    return readFileSync(join(this.directory, `x%2F1.${end}`), "utf8").split("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#exec[Symbol.asyncDispose]();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

test("exit code 0 completes, with the output of each attempt appended under its header", async () => {
  await using bench = new Bench();
  expect(await bench.run(["sh", "-c", "echo one"])).toEqual({ code: 0 });
  expect(await bench.run(["sh", "-c", "echo two"])).toEqual({ code: 0 });
  const header = expect.stringMatching(/^=== attempt 2 fence 17 node a \d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(bench.read("out")).toEqual([header, "one", header, "two", ""]);
  expect(bench.read("err")).toEqual([header, header, ""]);
});

test("a command sees its task, fence, attempt and node, and what its input adds", async () => {
  await using bench = new Bench();
  await bench.run(["sh", "-c", "echo $STOLOS_TASK_ID $STOLOS_FENCE $STOLOS_ATTEMPT $STOLOS_NODE $EXTRA"]);
  expect(bench.read("out")[1]).toBe("x/1 17 2 a e");
});

test("any other exit code is an error that names it", async () => {
  await using bench = new Bench();
  await expect(bench.run(["sh", "-c", "exit 3"])).rejects.toThrow("exit code 3");
});

test("a command that a signal ended is an error that names the signal", async () => {
  await using bench = new Bench();
  await expect(bench.run(["sh", "-c", "kill -9 $$"])).rejects.toThrow("ended by SIGKILL");
});

test("a command that does not exist is an error that names it", async () => {
  await using bench = new Bench();
  await expect(bench.run(["/no/such/command"])).rejects.toThrow("Cannot run /no/such/command");
});

test("arguments reach the command as they are: no shell reads them", async () => {
  await using bench = new Bench();
  await bench.run(["printf", "%s\n", "a b", "$HOME", "; ls"]);
  expect(bench.read("out").slice(1, 4)).toEqual(["a b", "$HOME", "; ls"]);
});

test("an aborted command ends by SIGTERM, and its attempt is released, not failed", async () => {
  await using bench = new Bench();
  const controller = new AbortController();
  const command = ["sh", "-c", "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done"];
  const attempt = bench.run(command, controller.signal);
  while (!readsReady(bench)) await new Promise((resolve) => setTimeout(resolve, 5));
  controller.abort(new Error("draining"));
  await expect(attempt).rejects.toThrow("draining");
  expect(bench.read("out")).toContain("asked");
});

test("input that is no command line is refused with what is wrong", async () => {
  const validate = exec.input?.["~standard"].validate;
  const bad: unknown[] = [null, {}, { argv: [] }, { argv: "ls" }, { argv: ["a\0"] }, { argv: [""] }];
  const worse: unknown[] = [{ argv: ["a"], cwd: 1 }, { argv: ["a"], env: { A: 1 } }];
  for (const input of [...bad, ...worse]) expect(await validate?.(input)).toHaveProperty("issues");
  const good = { argv: ["a", ""], cwd: "/", env: { A: "1" } };
  expect(await validate?.(good)).toEqual({ value: good });
});

function readsReady(bench: Bench): boolean {
  try {
    return bench.read("out").includes("ready");
  } catch {
    return false;
  }
}
