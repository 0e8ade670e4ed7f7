/**
 * One bundle, moved to a directory where nothing else is. What other bundlers and single binaries do is the
 * drill's, tests/drills/bundles.ts.
 */
import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runtime } from "../../examples/demo/peer-process.ts";

const ROOT = join(import.meta.dirname, "../..");
const BIN = join(ROOT, "node_modules/.bin");
const PROGRAM = "tests/support/bundled-program.ts";
const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const directory = mkdtempSync(join(tmpdir(), "stolos-bundle-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const entries = [PROGRAM, "src/stolos-threads.ts", "examples/handlers/factor.ts"];
const built = join(directory, "built");
const args = ["build", ...entries, "--target=node", "--entry-naming=[name].[ext]", "--outdir", built];
const build = spawnSync(join(BIN, "bun"), args, { cwd: ROOT, encoding: "utf8" });
if (build.status !== 0) throw new Error(`Cannot bundle: ${build.stderr}`);

function run(runtime: Runtime, files: readonly string[]): { status: number | null; lines: string[] } {
  const cwd = join(directory, `${runtime}-${files.length}`);
  mkdirSync(cwd);
  writeFileSync(join(cwd, "package.json"), '{"type":"module"}');
  for (const file of files) copyFileSync(join(built, file), join(cwd, file));
  const before = runtime === "deno" ? ["run", "-A"] : [];
  const { status, stdout } = spawnSync(join(BIN, runtime), [...before, files[0]!], {
    cwd,
    encoding: "utf8",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  return { status, lines: stdout.trim().split("\n") };
}

for (const runtime of RUNTIMES) {
  test(`a bundle with a store, a thread and a client runs on ${runtime}`, () => {
    const { status, lines } = run(runtime, ["bundled-program.js", "stolos-threads.js", "factor.js"]);
    expect(lines).toEqual([
      'node {"state":"completed","result":"hello node"}',
      "thread 7",
      'client {"state":"completed","result":"hello client"}',
      "stopped",
    ]);
    expect(status).toBe(0);
  });
}

test("a bundle without the file of its threads says in one line what it needs", () => {
  const { status, lines } = run("node", ["bundled-program.js"]);
  expect(lines).toEqual([
    expect.stringMatching(
      /^failed: Cannot start a thread: a bundle needs stolos-threads\.js beside it, in \//,
    ),
  ]);
  expect(status).toBe(1);
});
