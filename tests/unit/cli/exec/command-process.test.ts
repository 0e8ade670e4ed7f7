/** Claims about the start of a command: what is looked at last, and what is whose fault. Real processes. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCommand } from "../../../../src/cli/exec/command-process.ts";
import type { CommandEnd, LeashStart } from "../../../../src/cli/exec/leash-messages.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stolos-command-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function startOf(argv: readonly string[], more: Partial<LeashStart> = {}): LeashStart {
  const [out, err] = [join(directory, "out"), join(directory, "err")];
  return { key: "a", argv, cwd: directory, env: {}, out, err, header: "=== one", marginMs: 1000, ...more };
}

/** How it ended, or why it did not begin. */
function run(start: LeashStart, mayStart: () => boolean = () => true): Promise<CommandEnd> {
  return new Promise((resolve) => {
    let output: { finish(): Promise<string> } | undefined;
    startCommand(start, {
      mayStart,
      started: (_group, its) => output = its,
      exited: async (code, signal) =>
        resolve({ type: "exit", code, signal, stopped: false, stderr: await output!.finish() }),
      failed: resolve,
      outputLost: () => {},
    });
  });
}

test("whether it may start is asked last, when its output is open", async () => {
  let wasOpen = false;
  const end = await run(startOf(["touch", "began"]), () => {
    wasOpen = existsSync(join(directory, "err"));
    return false;
  });
  expect([end, wasOpen, existsSync(join(directory, "began"))]).toEqual([{ type: "withheld" }, true, false]);
});

test("its output is appended under a header", async () => {
  await run(startOf(["echo", "one"]));
  await run(startOf(["echo", "two"]));
  expect(readFileSync(join(directory, "out"), "utf8")).toBe("=== one\none\n=== one\ntwo\n");
});

test("output that cannot be written is not its fault", async () => {
  symlinkSync(join(directory, "elsewhere"), join(directory, "link"));
  for (const out of [join(directory, "none", "out"), join(directory, "link")]) {
    const end = await run(startOf(["true"], { out }));
    expect(end).toEqual({ type: "trouble", error: expect.stringMatching(/^cannot write its output: E/) });
  }
  expect(existsSync(join(directory, "elsewhere"))).toBe(false);
});

test("a program is looked for in the PATH that it gets, from where it runs", async () => {
  mkdirSync(join(directory, "bin"));
  writeFileSync(join(directory, "bin", "own-program"), "#!/bin/sh\nexit 7\n", { mode: 0o755 });
  expect(await run(startOf(["own-program"]))).toMatchObject({ type: "impossible" });
  const env = { PATH: `${directory}/bin:${process.env.PATH}` };
  expect(await run(startOf(["own-program"], { env }))).toMatchObject({ type: "exit", code: 7 });
  expect(await run(startOf(["bin/own-program"]))).toMatchObject({ type: "exit", code: 7 });
});

test("relative and empty places in the PATH are below where it runs", async () => {
  mkdirSync(join(directory, "bin"));
  writeFileSync(join(directory, "own-program"), "#!/bin/sh\nexit 7\n", { mode: 0o755 });
  writeFileSync(join(directory, "bin", "other-program"), "#!/bin/sh\nexit 8\n", { mode: 0o755 });
  const env = { PATH: `:bin:${process.env.PATH}` };
  expect(await run(startOf(["own-program"], { env }))).toMatchObject({ type: "exit", code: 7 });
  expect(await run(startOf(["other-program"], { env }))).toMatchObject({ type: "exit", code: 8 });
});

test("a program that is found in the PATH sees the name by which it was called", async () => {
  await run(startOf(["sh", "-c", "echo $0"]));
  expect(readFileSync(join(directory, "out"), "utf8")).toBe("=== one\nsh\n");
});

test("what is no program, or no directory, can never work", async () => {
  writeFileSync(join(directory, "text"), "no program");
  const errors = [
    await run(startOf(["./text"])),
    await run(startOf([directory])),
    await run(startOf(["./text/below"])),
    await run(startOf(["no-such-program"])),
    await run(startOf(["true"], { cwd: join(directory, "text") })),
    await run(startOf(["true"], { cwd: join(directory, "none") })),
  ];
  expect(errors).toEqual([
    "./text may not be executed",
    `${directory} is no program`,
    "there is no program ./text/below",
    "there is no program no-such-program in PATH",
    `${directory}/text is no directory`,
    `there is no directory ${directory}/none`,
  ].map((error) => ({ type: "impossible", error })));
});
