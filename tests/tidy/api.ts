/** docs/api.md: what `deno doc` reads from the public modules and their comments, by the alphabet. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const MODULES = [
  { name: "stolos", file: "mod.ts" },
  { name: "stolos/testing", file: "src/testing/kit.ts" },
] as const;

const PAGES = ["handlers", "placement", "balancing", "operating", "security", "testing"];
const HEADER = [
  "# API",
  "",
  "Made from the comments in the code by `UPDATE=1 bun test tests/tidy/api.test.ts`; a test",
  "fails when it is out of date. What belongs together is described in",
  `${PAGES.map((name) => `[${name}.md](${name}.md)`).join(", ")}.`,
  "",
].join("\n");

/** @throws Error when deno doc fails */
export function apiPage(): string {
  return [HEADER, ...MODULES.map(({ name, file }) => `## ${name}\n\n${symbolsOf(file)}`)].join("\n");
}

function symbolsOf(file: string): string {
  const env = { ...process.env, NO_COLOR: "1" };
  const { status, stdout, stderr } = spawnSync("deno", ["doc", file], { cwd: ROOT, env, encoding: "utf8" });
  if (status !== 0) throw new Error(`Cannot read the comments of ${file}: ${stderr}`);
  const symbols = stdout.split(/^Defined in .*\n\n/m).slice(1).map((text) => text.trimEnd());
  const titled = symbols.map((text) => ({ title: titleOf(text), text }));
  titled.sort((a, b) => (a.title < b.title ? -1 : 1));
  return titled.map(({ title, text }) => `### ${title}\n\n\`\`\`text\n${text}\n\`\`\`\n`).join("\n");
}

function titleOf(text: string): string {
  const match = /(?:function|class|interface|type|const) (\w+)/.exec(text);
  if (!match) throw new Error(`Cannot find the name in ${text.slice(0, 80)}`);
  return match[1]!;
}
