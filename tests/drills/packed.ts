/**
 * The package as a stranger gets it: packed, installed by npm in an empty project with all its dependencies,
 * and the README's program run from there on the three runtimes. `node tests/drills/packed.ts`.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blocksOf, isProgram } from "../support/doc-blocks.ts";
import { pack } from "../support/packed.ts";
import { runShow } from "../support/drill.ts";

const ROOT = join(import.meta.dirname, "../..");

await runShow("the packed package, installed", (report, directory) => {
  const tarball = pack(directory);
  const project = join(directory, "project");
  mkdirSync(project);
  writeFileSync(join(project, "package.json"), '{"name":"own","type":"module","private":true}');
  const run = (
    file: string,
    args: readonly string[],
  ): { readonly status: number | null; readonly text: string } => {
    const { status, stdout, stderr } = spawnSync(file, args, {
      cwd: project,
      encoding: "utf8",
      timeout: 120_000,
    });
    return { status, text: `${stdout}${stderr}`.trim() };
  };
  const installed = run("npm", ["install", "--no-audit", "--no-fund", "--omit=dev", tarball]);
  report.check("npm install", installed.status === 0, installed.text.split("\n").at(-1));
  const [program] = blocksOf("README.md").filter(isProgram);
  writeFileSync(join(project, "own.ts"), program!.code);
  for (const runtime of ["node", "bun", "deno"] as const) {
    const file = join(ROOT, "node_modules/.bin", runtime);
    const before = runtime === "deno" ? ["run", "-A"] : [];
    const ran = run(file, [...before, "own.ts"]);
    report.check(`the README's program on ${runtime}`, ran.status === 0, ran.text.replaceAll(/\s+/g, " "));
    const main = "node_modules/stolos/dist/src/cli/main.js";
    const version = run(file, [...before, main, "--version"]);
    report.check(`stolos --version on ${runtime}`, version.status === 0, version.text);
  }
  const bin = run(join(project, "node_modules/.bin/stolos"), ["--version"]);
  report.check("npx stolos, with the Node of the PATH", bin.status === 0, bin.text);
  return Promise.resolve();
});
