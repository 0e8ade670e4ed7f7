/**
 * What users install: the packed tarball, in a project of its own, on the three runtimes. The programs are
 * those of the README, the pages and the examples.
 */
import { afterAll, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Runtime } from "../../examples/demo/peer-process.ts";
import { allBlocks, blocksOf, isProgram } from "../support/doc-blocks.ts";
import { outlivesAPeer, runIn } from "../support/first-project.ts";
import { packedProject } from "../support/packed.ts";
import { layPrograms, tryCell } from "../support/way-lab.ts";
import { WAYS } from "../support/ways.ts";

const ROOT = join(import.meta.dirname, "../..");
const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const project = packedProject();
afterAll(() => project[Symbol.dispose]());
writeFileSync(join(project.directory, "package.json"), '{"name":"own","type":"module"}');

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

function run(runtime: Runtime, args: readonly string[]): Promise<Ran> {
  const before = runtime === "deno" ? ["run", "-A"] : [];
  const child = spawn(join(ROOT, "node_modules/.bin", runtime), [...before, ...args], {
    cwd: project.directory,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 120_000,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => output += text);
  }
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, output })));
}

/** Not all of them stop what they start: what was to be shown has been shown by then. */
const ENDING = "\nsetTimeout(() => process.exit(), 500);\n";

for (const runtime of RUNTIMES) {
  test(`the README's program runs from the package on ${runtime}`, async () => {
    const [program] = blocksOf("README.md").filter(isProgram);
    writeFileSync(join(project.directory, "readme.ts"), program!.code.replace("ms: 3000", "ms: 30"));
    const { code, output } = await run(runtime, ["readme.ts"]);
    expect(output).toMatch(/state: "?'?completed"?'?,\s+result: "?'?slept/);
    expect(code).toBe(0);
  });

  test(`threads, a store and the command line work from the package on ${runtime}`, async () => {
    copyFileSync(join(ROOT, "examples/handlers/factor.ts"), join(project.directory, "factor.ts"));
    const main = join(project.packageDirectory, "dist/src/cli/main.js");
    writeFileSync(
      join(project.directory, "parts.ts"),
      `import { createNode, defineTask, sqliteStore } from "stolos";
const factoring = defineTask({ name: "factoring" });
const store = sqliteStore("state-${runtime}");
const node = await createNode({ namespace: "packed-${runtime}", mdns: false, store });
node.handle(factoring, new URL("./own.ts", import.meta.url), { isolation: "thread" });
await node.ready();
const handle = await node.client.submit(factoring, 4);
console.log("outcome", JSON.stringify(await handle.done()));
await node.stop();
`,
    );
    writeFileSync(join(project.directory, "own.ts"), "export default (task: any) => task.input * 2;\n");
    const { code, output } = await run(runtime, ["parts.ts"]);
    expect([code, output]).toEqual([0, expect.stringContaining('outcome {"state":"completed","result":8}')]);
    const version = await run(runtime, [main, "--version"]);
    expect(version).toEqual({ code: 0, output: "0.1.0\n" });
    const usage = await run(runtime, [
      main,
      "peer",
      "--namespace",
      "packed",
      "--listen",
      "/ip4/0.0.0.0/tcp/0",
    ]);
    expect([usage.code, usage.output]).toEqual([1, expect.stringContaining("needs a secret")]);
  });
}

/** The system's own Node, where it is one that is refused. */
const oldNode = (process.env.PATH ?? "").split(":").map((folder) => join(folder, "node")).find((file) => {
  const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8" });
  return /^v(18|2[0-3])\./.test(stdout ?? "");
});

test.skipIf(oldNode === undefined)("an old Node is refused in one line, the library as an error", () => {
  const main = join(project.packageDirectory, "dist/src/cli/stolos.js");
  const ran = spawnSync(oldNode!, [main, "nodes"], { encoding: "utf8" });
  const line = /^stolos needs Node 24 or newer; this is Node \d+\.\d+\.\d+$/;
  expect([ran.status, ran.stdout, ran.stderr.trimEnd()]).toEqual([1, "", expect.stringMatching(line)]);
  writeFileSync(join(project.directory, "old.mjs"), 'import { createNode } from "stolos";\ncreateNode();\n');
  const imported = spawnSync(oldNode!, ["old.mjs"], { cwd: project.directory, encoding: "utf8" });
  expect([imported.status, imported.stderr]).toEqual([1, expect.stringContaining("needs Node 24 or newer")]);
});

test("the other programs of the pages run", async () => {
  const others = allBlocks().filter((block) => isProgram(block) && block.page !== "README.md");
  expect(others.map(({ page }) => page)).toContain("docs/operating.md");
  for (const { page, line, code } of others) {
    // some are tests; a module that is given to something else has to load
    const isTest = code.includes("bun:test");
    const name = `${page.replaceAll(/[/.]/g, "-")}-${line}${isTest ? ".test" : ""}.ts`;
    writeFileSync(join(project.directory, name), code.replace("9464", "0") + (isTest ? "" : ENDING));
    const ran = isTest
      ? await run("bun", ["test", "--timeout", "240000", `./${name}`])
      : await run("node", [name]);
    expect([page, ran.code, ran.code === 0 ? "" : ran.output]).toEqual([page, 0, ""]);
  }
});

test(
  "what stolos init writes passes its test and type check, and a task of it outlives its peer",
  async () => {
    const init = ["bun", join(project.packageDirectory, "dist/src/cli/main.js"), "init", "first"];
    expect(await runIn(project.directory, init)).toMatchObject({ code: 0 });
    const first = join(project.directory, "first");
    // what the package.json names is found above
    for (const script of ["test", "check"]) {
      const { code, output } = await runIn(first, ["bun", "run", script]);
      expect([script, code, code === 0 ? "" : output]).toEqual([script, 0, ""]);
    }
    const { attempt, counted, from } = await outlivesAPeer(first, "bun");
    // on a busy machine a lease may end once more
    expect(attempt).toBeGreaterThanOrEqual(2);
    expect(from).toBeGreaterThanOrEqual(counted);
  },
);

const byTarball = WAYS.filter(({ folder }) => folder === "by-tarball").flatMap(({ cells }) => cells);

test.each(byTarball.filter(({ isQuick }) => isQuick).map((cell) => [cell.on, cell.command, cell] as const))(
  "a way in by the tarball, on %s: %s",
  (_, __, cell) => {
    layPrograms(project.directory);
    const { holds, output } = tryCell(cell, project.directory);
    expect([holds, holds ? "" : output]).toEqual([true, ""]);
  },
);

test("the declarations need neither the DOM's nor skipLibCheck", () => {
  layPrograms(project.directory);
  const args = ["-p", join(project.directory, "tsconfig-nodenext-strict.json")];
  const { status, stdout } = spawnSync(join(ROOT, "node_modules/.bin/tsc"), args, { encoding: "utf8" });
  expect([stdout, status]).toEqual(["", 0]);
});

// the check of types is in tests/long: it takes longer than all the others here
test("publint and deno publish have no complaint", () => {
  const bin = join(ROOT, "node_modules/.bin");
  const lint = spawnSync(join(bin, "publint"), ["--pack", "false", project.packageDirectory], {
    encoding: "utf8",
  });
  expect([lint.status, lint.stdout]).toEqual([0, expect.stringContaining("All good!")]);
  const args = ["publish", "--dry-run", "--allow-dirty", "--quiet", "--no-check"];
  const publish = spawnSync(join(bin, "deno"), args, { cwd: ROOT, encoding: "utf8" });
  expect([publish.status, publish.status === 0 ? "" : publish.stderr]).toEqual([0, ""]);
});
