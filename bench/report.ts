/** What a workload found, as text for people and docs/benchmarks.md, and as JSON. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

export interface Report {
  /** Markdown. */
  readonly lines: readonly string[];
  readonly json: Readonly<Record<string, unknown>>;
}

const DOC = join(import.meta.dirname, "../docs/benchmarks.md");

export function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)];
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** "p50 / p99". */
export function pair({ p50, p99 }: { readonly p50: number; readonly p99: number }): string {
  return `${p50.toFixed(1)} / ${p99.toFixed(1)}`;
}

export function versionOf(folder: string): string {
  return JSON.parse(readFileSync(new URL(`${folder}/package.json`, import.meta.url), "utf8")).version;
}

/** What it was measured on, when, and the commit. */
export function placeLine(): string {
  const [cpu] = cpus();
  const what = `${cpus().length} cores, ${cpu?.model.trim() ?? "unknown"}`;
  const day = new Date().toISOString().slice(0, 10);
  return `Node ${process.version}, ${process.platform} ${process.arch}, ${what}; ${day}, commit ${commit()}.`;
}

/** "unknown" without a repository. */
function commit(): string {
  const cwd = import.meta.dirname;
  const { stdout } = spawnSync("git", ["describe", "--always", "--dirty=, changed"], {
    cwd,
    encoding: "utf8",
  });
  return stdout?.trim() || "unknown";
}

/** Puts the text between `<!-- name -->` and `<!-- /name -->` of docs/benchmarks.md. */
export function writeSection(name: string, lines: readonly string[]): void {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const text = readFileSync(DOC, "utf8");
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`Cannot write: docs/benchmarks.md has no ${begin} … ${end}`);
  const section = [begin, "", ...lines, "", placeLine(), "", ""].join("\n");
  writeFileSync(DOC, text.slice(0, from) + section + text.slice(to));
}
