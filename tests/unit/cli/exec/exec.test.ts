/**
 * Claims about the exec handler: how a command's end becomes the end of its attempt. Real processes, no
 * cluster.
 */
import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AttemptAbortedError, type Context, FatalError, type Node, type Task } from "../../../../mod.ts";
import type { Leased } from "../../../../src/base/leased.ts";
import { textsOfThrown } from "../../../../src/base/thrown.ts";
import { exec, type ExecEvent, handleExec } from "../../../../src/cli/exec/exec.ts";

const MARGIN_MS = 1000;
/** A lease ends then at the latest once it is lost. */
const HELD: { lostEndMs: number } = { lostEndMs: Infinity };

type Handler = (task: Task, ctx: Context) => Promise<unknown>;

/** The handler on a node of paper, with attempts that last until they are aborted. */
class Bench implements AsyncDisposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "stolos-exec-"));
  readonly events: ExecEvent[] = [];
  readonly #exec: AsyncDisposable;
  #handler: Handler | undefined;

  constructor() {
    const node = {
      name: "a",
      handle: (_: unknown, handler: Handler) => this.#handler = handler,
      ready: () => new Promise(() => {}),
    };
    // The handler asks a node that is not ready for no more than these.
    this.#exec = handleExec(node as unknown as Node, {
      directory: this.directory,
      onEvent: (event) => this.events.push(event),
    });
  }

  run(
    argv: string[],
    {
      id = "x/1",
      cwd = this.directory,
      signal = new AbortController().signal,
      leaseMs = 10_000,
      lease = HELD,
    } = {},
  ): Promise<unknown> {
    return this.runInput({ argv, cwd, env: { EXTRA: "e" } }, { id, signal, leaseMs, lease });
  }

  runInput(
    input: unknown,
    { id = "x/1", signal = new AbortController().signal, leaseMs = 10_000, lease = HELD } = {},
  ): Promise<unknown> {
    const task: Task = { id, name: "exec", input, state: undefined };
    const endMs = performance.now() + leaseMs;
    const ctx: Context & Leased = {
      signal,
      fence: 17n,
      attempt: 2,
      get deadline(): number {
        return Date.now() + this.remainingMs - MARGIN_MS;
      },
      get remainingMs(): number {
        return Math.min(endMs, lease.lostEndMs) - performance.now();
      },
      marginMs: MARGIN_MS,
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

test("the error of a command has the end of what it wrote to stderr, and no stack of ours", async () => {
  await using bench = new Bench();
  const error = await bench.run(["sh", "-c", "echo first >&2; echo last >&2; exit 1"]).catch((e: unknown) =>
    e
  );
  expect(textsOfThrown(error)).toEqual({ message: "exit code 1", cause: "first\nlast", stack: "" });
});

test("what is no command fails for good, whoever let it through", async () => {
  await using bench = new Bench();
  const errorOf = (input: unknown): Promise<unknown> =>
    bench.runInput(input).catch((error: unknown) => error);
  const inputs = [{ argv: [] }, null, { argv: ["a"], env: { "A=": "" } }];
  const errors = await Promise.all(inputs.map(errorOf));
  expect(errors.map((error) => error instanceof FatalError && error.message)).toEqual([
    "Cannot run a command: argv must be an array of at least one string, none with a NUL",
    "Cannot run a command: the input must be an object with argv",
    "Cannot run a command: env must map names without = to strings, none with a NUL",
  ]);
});

test("a command that a signal ended is an error that names the signal", async () => {
  await using bench = new Bench();
  await expect(bench.run(["sh", "-c", "kill -9 $$"])).rejects.toThrow("ended by SIGKILL");
});

test("what can never work fails for good, and says whether it is the command or its directory", async () => {
  await using bench = new Bench();
  const errorOf = (argv: string[], cwd?: string): Promise<unknown> =>
    bench.run(argv, cwd === undefined ? {} : { cwd }).catch((error: unknown) => error);
  const errors = [
    await errorOf(["/no/such/command"]),
    await errorOf(["no-such-command"]),
    await errorOf(["ls"], "/no/such/directory"),
    await errorOf(["true", "x".repeat(3_000_000)]),
  ];
  expect(errors.map((error) => error instanceof FatalError && error.message)).toEqual([
    "Cannot run /no/such/command: there is no program /no/such/command",
    "Cannot run no-such-command: there is no program no-such-command in PATH",
    "Cannot run ls: there is no directory /no/such/directory",
    "Cannot run true: cannot start its process: E2BIG",
  ]);
});

test("no command begins under a lease that ends within the margin", async () => {
  await using bench = new Bench();
  const error = await bench.run(["touch", "began"], { leaseMs: MARGIN_MS }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(AttemptAbortedError);
  expect(existsSync(join(bench.directory, "began"))).toBe(false);
});

test("a wall clock that is set back gives a command no time", async () => {
  await using bench = new Bench();
  const now = Date.now;
  try {
    const attempt = bench.run(["sh", "-c", "trap '' TERM; while :; do sleep 0.01; done"], { leaseMs: 3000 });
    Date.now = () => now() - 3_600_000;
    await expect(attempt).rejects.toThrow("its lease was not renewed in time");
  } finally {
    Date.now = now;
  }
});

test("what the peer cannot do is not the command's fault: released, and said", async () => {
  await using bench = new Bench();
  rmSync(bench.directory, { recursive: true });
  const error = await bench.run(["true"], { cwd: "/" }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(AttemptAbortedError);
  expect(bench.events).toEqual([
    {
      event: "exec:trouble",
      task: "x/1",
      fence: "17",
      attempt: 2,
      reason: expect.stringMatching(/^cannot write its output: ENOENT/),
    },
  ]);
});

test("a supervisor that cannot be started is not the command's fault either", async () => {
  const { execPath } = process;
  process.execPath = "/no/such/runtime";
  try {
    await using bench = new Bench();
    const error = await bench.run(["true"]).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(AttemptAbortedError);
    expect(error).toMatchObject({ forMs: 1000, message: "its leash supervisor cannot be started: ENOENT" });
    expect(bench.events.map(({ event, reason }) => [event, reason])).toEqual([
      ["exec:trouble", "its leash supervisor cannot be started: ENOENT"],
    ]);
  } finally {
    process.execPath = execPath;
  }
});

test("a command that kills its supervisor is to blame the second time, and nobody else ever", async () => {
  await using bench = new Bench();
  const kill = ["sh", "-c", "kill -9 $PPID; exec sleep 60"];
  const waits = ["sh", "-c", "echo ready; exec sleep 60"];
  const neighbour = bench.run(waits).catch((error: unknown) => error);
  while (!readsReady(bench)) await new Promise((resolve) => setTimeout(resolve, 5));
  const first = await bench.run(kill, { id: "killer" }).catch((error: unknown) => error);
  expect([first, await neighbour].every((error) => error instanceof AttemptAbortedError)).toBe(true);
  expect(bench.events.map(({ event, task }) => `${event} ${task}`).sort()).toEqual([
    "exec:trouble killer",
    "exec:trouble x/1",
  ]);

  let hasEnded = false;
  const controller = new AbortController();
  const again = bench.run(waits, { signal: controller.signal }).finally(() => hasEnded = true);
  await expect(bench.run(kill, { id: "killer" })).rejects.toThrow(
    "Cannot finish sh: its leash supervisor has ended (SIGKILL), and nothing else ran under it",
  );
  expect([hasEnded, bench.events.length]).toEqual([false, 2]);
  controller.abort(new Error("enough"));
  await expect(again).rejects.toThrow("enough");
});

test("one that kills its supervisor late disturbs the others once", async () => {
  await using bench = new Bench();
  const [go, finish] = [join(bench.directory, "go"), join(bench.directory, "finish")];
  const until = (path: string): string => `until [ -e ${path} ]; do sleep 0.02; done`;
  // it began first: there is nothing about it that the others have not
  const argvById = new Map([["killer", ["sh", "-c", `${until(go)}; kill -9 $PPID; exec sleep 60`]]]);
  for (let at = 0; at < 6; at++) argvById.set(`other ${at}`, ["sh", "-c", until(finish)]);
  const round = (): Promise<readonly [string, unknown]>[] =>
    [...argvById].map(async ([id, argv]) => {
      const error = await bench.run(argv, { id, leaseMs: 60_000 }).catch((error: unknown) => error);
      return [id, error instanceof AttemptAbortedError ? "released" : error] as const;
    });
  const begun = async (count: number): Promise<void> => {
    const files = (): string[] => readdirSync(bench.directory).filter((name) => name.endsWith(".out"));
    const headers = (): string[] =>
      files().flatMap((name) => readFileSync(join(bench.directory, name), "utf8").match(/^=== /gm) ?? []);
    while (headers().length < count) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const first = round();
  await begun(7);
  writeFileSync(go, "");
  expect((await Promise.all(first)).map(([, end]) => end)).toEqual(new Array(7).fill("released"));
  rmSync(go);
  const second = round();
  await begun(14);
  writeFileSync(go, "");
  await expect(second[0]).resolves.toEqual(["killer", expect.objectContaining({ name: "Error" })]);
  writeFileSync(finish, "");
  expect((await Promise.all(second.slice(1))).map(([, end]) => end)).toEqual(new Array(6).fill({ code: 0 }));
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
  const attempt = bench.run(command, { signal: controller.signal });
  while (!readsReady(bench)) await new Promise((resolve) => setTimeout(resolve, 5));
  controller.abort(new Error("draining"));
  await expect(attempt).rejects.toThrow("draining");
  expect(bench.read("out")).toContain("asked");
});

test("a command whose lease is lost during its grace ends within the margin from then", async () => {
  await using bench = new Bench();
  const controller = new AbortController();
  const lease = { lostEndMs: Infinity };
  const command = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"];
  const attempt = bench.run(command, { signal: controller.signal, lease });
  while (!readsReady(bench)) await new Promise((resolve) => setTimeout(resolve, 5));
  controller.abort(new Error("draining"));
  const lostMs = performance.now();
  lease.lostEndMs = lostMs + MARGIN_MS;
  await expect(attempt).rejects.toThrow("draining");
  expect(performance.now() - lostMs).toBeLessThan(3000);
});

test("input that is no command line is refused with what is wrong", async () => {
  const validate = exec.input?.["~standard"].validate;
  const bad: unknown[] = [null, {}, { argv: [] }, { argv: "ls" }, { argv: ["a\0"] }, { argv: [""] }];
  const worse: unknown[] = [{ argv: ["a"], cwd: 1 }, { argv: ["a"], env: { A: 1 } }];
  for (const env of [null, "text", 7, ["text"]]) worse.push({ argv: ["a"], env });
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
