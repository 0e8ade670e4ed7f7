/** For the drill `bundles`: the recipes of docs/install.md, the project that they are for, and the tools. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { delimiter, join } from "node:path";
import { blocksOf, isProgram } from "./doc-blocks.ts";

const ROOT = join(import.meta.dirname, "../..");
const BIN = join(ROOT, "node_modules/.bin");
const PAGE = "docs/install.md";
const PLUGINS = ["@rollup/plugin-commonjs", "@rollup/plugin-node-resolve"];
const TOOLS = ["esbuild@0.28", "rollup@4", `${PLUGINS[0]}@29`, `${PLUGINS[1]}@16`];
const WITHIN_MS = 120_000;

export interface Ran {
  readonly status: number | null;
  readonly text: string;
}

/** A command of the page, and the comment before it. */
export interface Recipe {
  readonly name: string;
  readonly command: string;
}

export function run(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: WITHIN_MS,
    killSignal: "SIGKILL",
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (part: string) => text += part);
  }
  return new Promise((resolve) => child.once("close", (status) => resolve({ status, text: text.trim() })));
}

function codeIn(language: string): string[] {
  const blocks = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return Array.from(readFileSync(join(ROOT, PAGE), "utf8").matchAll(blocks), (match) => match[1]!);
}

export function recipes(): Recipe[] {
  const blocks = codeIn("sh").filter((code) => /^# (bun|deno|esbuild|rollup)/.test(code));
  return blocks.flatMap((code) =>
    code.split(/^# /m).slice(1).map((text) => {
      const [name = "", ...lines] = text.split("\n");
      return { name, command: lines.join("\n") };
    })
  );
}

/** esbuild and Rollup, where the project finds them. Null, or why they are not to be had. */
export async function installTools(directory: string, project: string): Promise<string | null> {
  mkdirSync(directory);
  writeFileSync(join(directory, "package.json"), "{}");
  const { status, text } = await run(["npm", "install", "--no-audit", "--no-fund", ...TOOLS], directory);
  if (status !== 0) return text.split("\n").at(-1) ?? "npm failed";
  mkdirSync(join(project, "node_modules/@rollup"), { recursive: true });
  for (const name of PLUGINS) {
    const link = join(project, "node_modules", name);
    if (!existsSync(link)) symlinkSync(join(directory, "node_modules", name), link);
  }
  return null;
}

export function pathWith(tools: string): string {
  return [BIN, join(tools, "node_modules/.bin"), process.env.PATH ?? ""].join(delimiter);
}

/** The programs of somebody who has installed the package, and the page's own files. */
export function writeProject(project: string): void {
  const write = (name: string, text: string): void => {
    writeFileSync(join(project, name), text);
    // what a compiler makes of it, for Rollup
    if (name.endsWith(".ts")) {
      writeFileSync(join(project, name.replace(/ts$/, "js")), stripTypeScriptTypes(text));
    }
  };
  const ours = (path: string): string =>
    readFileSync(join(ROOT, path), "utf8").replaceAll("../../mod.ts", "stolos");
  const [program] = blocksOf("README.md").filter(isProgram);
  const blockWith = (text: string) => blocksOf(PAGE).find(({ code }) => code.includes(text));
  const [threads, handlers] = [blockWith('"stolos/threads"'), blockWith("export function handlers")];
  write("package.json", '{"name":"own","type":"module"}');
  write(
    "readme.ts",
    `${program!.code.replace("ms: 3000", "ms: 30")}\nsetTimeout(() => process.exit(), 500);\n`,
  );
  write("parts.ts", ours("tests/support/bundled-program.ts"));
  write("cli.ts", 'import "./node_modules/stolos/dist/src/cli/main.js";\n');
  write("factor.ts", ours("examples/handlers/factor.ts"));
  write("stolos-threads.ts", threads!.code);
  write("rollup.config.mjs", codeIn("js")[0]!.replace('"app.js"', '"readme.js", "parts.js", "cli.js"'));
  write(
    "with-package.ts",
    `import { defineTask, type Node } from "stolos";
const double = defineTask<number, number>({ name: "double" });
export const handlers = (node: Node) => node.handle(double, (task) => task.input * 2);
`,
  );
  write("page.ts", handlers!.code);
  write(
    "handlers.ts",
    `import { handlers as ofPage } from "./page.ts";
export function handlers(node: any) {
  ofPage(node);
  node.handle({ name: "twice" }, new URL("./twice.ts", import.meta.url), { isolation: "thread" });
}
`,
  );
  write("twice.ts", "export default (task: { input: number }): number => task.input * 2;\n");
}
