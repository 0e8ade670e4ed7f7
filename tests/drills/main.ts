/**
 * Runs a drill, which is a file of this folder: real processes, real signals, and what became of the tasks.
 *
 *   npm run drill                 lists them
 *   npm run drill NAME [-- …]     runs one with these arguments; its exit code is the drill's
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = import.meta.dirname;

/** The first sentence of a drill's own comment. */
function summaryOf(file: string): string {
  const comment = /\/\*\*([^]*?)\*\//.exec(readFileSync(join(FOLDER, file), "utf8"))?.[1] ?? "";
  return comment.replace(/\n \*/g, "").trim().split(/\.\s/)[0]!.replace(/\.$/, "");
}

const [name, ...args] = process.argv.slice(2);
if (name === undefined) {
  for (const file of readdirSync(FOLDER).sort()) {
    const drill = file.replace(/\.ts$/, "");
    if (drill !== "main") console.log(`${drill.padEnd(14)} ${summaryOf(file)}`);
  }
} else if (!/^[a-z-]+$/.test(name) || name === "main" || !existsSync(join(FOLDER, `${name}.ts`))) {
  console.error(`Cannot run a drill: there is no ${name}; npm run drill lists them`);
  process.exitCode = 1;
} else {
  const { status } = spawnSync(process.execPath, [join(FOLDER, `${name}.ts`), ...args], { stdio: "inherit" });
  process.exitCode = status ?? 1;
}
