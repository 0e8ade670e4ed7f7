/**
 * The files that the house rules are checked on, read and parsed. The syntax trees come from the compiler
 * that also checks the types; its programming interface is called unstable by its makers, so only this file
 * uses it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Node, SourceFile } from "typescript/unstable/ast";
import { API } from "typescript/unstable/async";
import { createVirtualFileSystem } from "typescript/unstable/fs";

export const ROOT: string = join(import.meta.dirname, "..", "..");

/** A TypeScript file; `path` is relative to the project and has forward slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly tree: SourceFile;
}

/** A broken rule. `line` counts from 1. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

/** Parses texts by path, none of which has to exist. */
export async function parse(textByPath: Readonly<Record<string, string>>): Promise<readonly Source[]> {
  const paths = Object.keys(textByPath);
  const config = {
    compilerOptions: {
      noLib: true,
      noResolve: true,
      types: [],
      allowImportingTsExtensions: true,
      noEmit: true,
    },
    files: paths,
  };
  const files = Object.fromEntries(paths.map((path) => [`/tidy/${path}`, textByPath[path]!]));
  const fs = createVirtualFileSystem({ "/tidy/tsconfig.json": JSON.stringify(config), ...files });
  const api = new API({ cwd: "/tidy", fs });
  try {
    const snapshot = await api.updateSnapshot({ openProjects: ["/tidy/tsconfig.json"] });
    const project = snapshot.getProjects()[0]!;
    const sources: Source[] = [];
    for (const path of paths) {
      const tree = await project.program.getSourceFile(`/tidy/${path}`);
      if (!tree) throw new Error(`Cannot parse ${path}: the compiler does not know it`);
      const text = textByPath[path]!;
      sources.push({ path, text, lines: text.split("\n"), tree });
    }
    return sources;
  } finally {
    await api.close();
  }
}

/**
 * Every file below the folders (or the files themselves) whose name ends so, as paths relative to the
 * project.
 */
export function listFiles(folders: readonly string[], ending: string): readonly string[] {
  const found: string[] = [];
  for (const folder of folders) {
    const entries = folder.endsWith(ending) ? [] : readdirSync(join(ROOT, folder), { recursive: true });
    if (folder.endsWith(ending)) found.push(folder);
    for (const entry of entries) {
      const path = relative(ROOT, join(ROOT, folder, String(entry))).replaceAll("\\", "/");
      if (path.endsWith(ending) && !path.includes("node_modules/")) found.push(path);
    }
  }
  return found.sort();
}

export function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** The whole project, parsed. */
export function readProject(): Promise<readonly Source[]> {
  const paths = listFiles(["mod.ts", "src", "tests", "examples", "bench"], ".ts");
  return parse(Object.fromEntries(paths.map((path) => [path, read(path)])));
}

/** Every node of a tree, parents before children. */
export function* nodesOf(source: Source): Generator<Node> {
  const stack: Node[] = [source.tree];
  for (let node = stack.pop(); node; node = stack.pop()) {
    yield node;
    const children: Node[] = [];
    node.forEachChild((child) => void children.push(child));
    for (let at = children.length - 1; at >= 0; at--) stack.push(children[at]!);
  }
}

/** The line of a position, from 1. */
export function lineAt(source: Source, position: number): number {
  let line = 1;
  for (let at = source.text.indexOf("\n"); at >= 0 && at < position; at = source.text.indexOf("\n", at + 1)) {
    line++;
  }
  return line;
}

/** The line on which the code of a node begins, after its comments. */
export function lineOf(source: Source, node: Node): number {
  return lineAt(source, node.getStart(source.tree));
}

export function report(violations: readonly Violation[]): string {
  return violations.map(({ path, line, message }) => `${path}:${line}: ${message}`).join("\n");
}
