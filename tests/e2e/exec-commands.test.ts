/** Commands on the leash of each runtime: what can never work, and what becomes of their output. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { commandOn, type Runtime } from "../../examples/demo/peer-process.ts";
import type { CommandEnd, LeashStart } from "../../src/cli/exec/leash-messages.ts";
import { OUTPUT_BYTES_MAX } from "../../src/cli/exec/output-file.ts";
import { SmallDisk } from "../support/small-disk.ts";

interface Line {
  readonly end: CommandEnd;
  readonly lost: readonly string[];
}

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stolos-commands-"));
});
afterEach(() => {
  for (const path of [directory, `${directory}.json`]) rmSync(path, { recursive: true, force: true });
});

async function run(
  runtime: Runtime,
  commands: readonly Partial<LeashStart>[],
  at: string = directory,
): Promise<Line[]> {
  const list = `${directory}.json`;
  writeFileSync(list, JSON.stringify(commands));
  const [file = "", ...args] = commandOn(runtime, "tests/support/leash-run.ts", [at, list]);
  const { stdout } = await promisify(execFile)(file, args, { timeout: 120_000 });
  return stdout.trim().split("\n").map((line) => JSON.parse(line) as Line);
}

const sh = (script: string): Partial<LeashStart> => ({ argv: ["sh", "-c", script] });

for (const runtime of ["node", "bun", "deno"] as const) {
  test(`${runtime}: what can never work is said in the same words`, async () => {
    writeFileSync(join(directory, "text"), "no program");
    writeFileSync(join(directory, "lost"), "#!/no/such/interpreter\n", { mode: 0o755 });
    const lines = await run(runtime, [
      { argv: ["no-such-program"] },
      { argv: ["/no/such/program"] },
      { argv: ["./text"] },
      { argv: [directory] },
      { argv: ["true"], cwd: "/no/such/directory" },
      { argv: ["true"], cwd: join(directory, "text") },
      { argv: ["./lost"] },
      { argv: ["true", "x".repeat(200_000)] },
      { argv: ["true"], env: { LONG: "x".repeat(200_000) } },
    ]);
    expect(lines.map(({ end }) => end)).toEqual([
      "there is no program no-such-program in PATH",
      "there is no program /no/such/program",
      "./text may not be executed",
      `${directory} is no program`,
      "there is no directory /no/such/directory",
      `${directory}/text is no directory`,
      "cannot start its process: ENOENT",
      "cannot start its process: E2BIG",
      "cannot start its process: E2BIG",
    ].map((error) => ({ type: "impossible", error })));
  });

  test(`${runtime}: all that a command wrote is in its files, also by way of /dev/stdout`, async () => {
    const [line] = await run(runtime, [
      sh(
        "echo one; echo two > /dev/stdout; echo three > /dev/stderr; yes | head -c 1000000; " +
          "echo four >&2; exit 3",
      ),
    ]);
    expect(line?.end).toMatchObject({ type: "exit", code: 3, stderr: "three\nfour\n" });
    const out = readFileSync(join(directory, "0.out"), "utf8");
    expect([out.slice(0, 14), out.length]).toEqual(["===\none\ntwo\ny\n", 1_000_012]);
  });

  test(`${runtime}: of 70 MB the last 16 to 32 MiB are kept, and the end of stderr`, async () => {
    const script =
      "head -c 70000000 /dev/zero; echo last; yes err | head -c 5000 >&2; printf end >&2; exit 1";
    const [line] = await run(runtime, [sh(script), sh("echo next")]);
    const { stderr = "" } = line?.end as Extract<CommandEnd, { type: "exit" }>;
    expect([stderr.length, stderr.endsWith("err\nend")]).toEqual([2048, true]);
    const sizes = ["0.out", "0.out.1"].map((name) => statSync(join(directory, name)).size);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(OUTPUT_BYTES_MAX);
    expect(sizes[0]! + sizes[1]!).toBeGreaterThan(OUTPUT_BYTES_MAX);
    expect(readFileSync(join(directory, "0.out"), "latin1").endsWith("last\n")).toBe(true);
    expect(readdirSync(directory).sort()).toEqual(["0.err", "0.out", "0.out.1", "1.err", "1.out"]);
  });

  test(`${runtime}: a command is not waited for by what holds its output beyond its end`, async () => {
    // a session of its own is out of the leash's reach
    const [line, next] = await run(runtime, [sh("setsid sleep 5 & echo said"), sh("echo next")]);
    expect([line?.end, next?.end]).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(readFileSync(join(directory, "0.out"), "utf8")).toBe("===\nsaid\n");
  });

  test.skipIf(process.getuid?.() !== 0)(
    `${runtime}: a full disk costs a command its output alone`,
    async () => {
      using disk = new SmallDisk(join(directory, "disk"), "1m");
      const script = "head -c 3000000 /dev/zero && echo so >&2 && exit 5";
      const [line] = await run(runtime, [sh(script)], disk.path);
      expect(line).toMatchObject({
        end: { type: "exit", code: 5, stderr: "so\n" },
        lost: ["cannot write its output: ENOSPC"],
      });
    },
  );
}
