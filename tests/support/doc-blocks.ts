/** The TypeScript in the pages, block by block. */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

export interface Block {
  readonly page: string;
  /** Of its first line of code. */
  readonly line: number;
  readonly code: string;
}

export function blocksOf(page: string): Block[] {
  const text = readFileSync(join(ROOT, page), "utf8");
  return Array.from(text.matchAll(/^```ts\n([\s\S]*?)^```$/gm), (match) => ({
    page,
    line: text.slice(0, match.index).split("\n").length + 1,
    code: match[1]!,
  }));
}

export function allBlocks(): Block[] {
  return ["README.md", ...globSync("docs/*.md", { cwd: ROOT })].flatMap(blocksOf);
}

/** The whole programs: they import what they need. */
export function isProgram({ code }: Block): boolean {
  return code.includes('from "stolos');
}
