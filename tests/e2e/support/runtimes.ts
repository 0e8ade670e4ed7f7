/**
 * The three runtimes as commands that run a TypeScript file, for scripts that start peers on each of them.
 */
import { fileURLToPath } from "node:url";

export type Runtime = "node" | "bun" | "deno";

export const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];

const BIN = fileURLToPath(new URL("../../../node_modules/.bin/", import.meta.url));

/** The command line that runs `file` with `args` on a runtime of node_modules. */
export function commandOn(runtime: Runtime, file: string, args: readonly string[]): [string, ...string[]] {
  const binary = `${BIN}${runtime}`;
  return runtime === "deno" ? [binary, "run", "-A", file, ...args] : [binary, file, ...args];
}

/** Absolute path of a file of the project. */
export function projectFile(path: string): string {
  return fileURLToPath(new URL(`../../../${path}`, import.meta.url));
}
