/** That the manifests, the list of exports and the list of dependencies say the same as the code. */
import { SyntaxKind } from "typescript/unstable/ast";
import { isExportDeclaration, isNamedExports } from "typescript/unstable/ast/is";
import { importsOf, packageOf } from "./layout.ts";
import type { Source, Violation } from "./source.ts";

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  /** deno.json's: the dependencies, for programs outside of the checkout. */
  readonly imports?: Readonly<Record<string, string>>;
}

/** What package.json and deno.json must agree on; a registry's name may carry a scope. */
export function manifestViolations(npm: Manifest, deno: Manifest): readonly Violation[] {
  const violations: Violation[] = [];
  const compare = (what: string, a: unknown, b: unknown): void => {
    if (JSON.stringify(a) === JSON.stringify(b)) return;
    const message = `${what} differs: ${JSON.stringify(a)} in package.json, ${JSON.stringify(b)} here`;
    violations.push({ path: "deno.json", line: 1, message });
  };
  compare("name", npm.name, deno.name.replace(/^@[^/]+\//, ""));
  compare("version", npm.version, deno.version);
  compare("license", npm.license, deno.license);
  compare("exports", sourcesOf(npm.exports), deno.exports);
  compare("imports", specifiersOf(npm.dependencies ?? {}), deno.imports);
  return violations;
}

/** What was built stands for the source that it was built from. */
function sourcesOf(exports: Manifest["exports"]): Readonly<Record<string, string>> {
  const sources = Object.entries(exports).flatMap(([name, file]) => {
    if (name === "./package.json") return [];
    const path = typeof file === "string" ? file : file.default;
    return [[name, path.replace("./dist/", "./").replace(/\.js$/, ".ts")]];
  });
  return Object.fromEntries(sources);
}

/** The dependencies as Deno says them. */
function specifiersOf(dependencies: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const specifiers = Object.entries(dependencies).map(([name, version]) => {
    const isAlias = version.startsWith("npm:");
    return [name, isAlias ? version : `npm:${name}@${version}`];
  });
  return Object.fromEntries(specifiers);
}

/** The names that a module exports by `export { … } from`, sorted. */
export function exportNamesOf(source: Source): readonly string[] {
  const names: string[] = [];
  source.tree.forEachChild((node) => {
    if (node.kind === SyntaxKind.EndOfFile || !isExportDeclaration(node)) return;
    if (!node.exportClause || !isNamedExports(node.exportClause)) names.push("*");
    else for (const element of node.exportClause.elements) names.push(element.name.text);
  });
  return names.sort((a, b) => (a < b ? -1 : 1));
}

/** Statements of the public module that are not a list of names: it chooses, it defines nothing. */
export function publicModuleViolations(
  source: Source,
  listed: readonly string[],
  list: string = "tests/exports.txt",
): readonly Violation[] {
  const names = exportNamesOf(source);
  const violations: Violation[] = [];
  const add = (message: string): void => void violations.push({ path: source.path, line: 1, message });
  if (names.includes("*")) add(`${source.path} names what it exports, no export *`);
  for (const name of names) {
    if (!listed.includes(name)) add(`${name} is exported, but not in ${list}`);
  }
  for (const name of listed) {
    if (!names.includes(name)) add(`${name} is in ${list}, but not exported`);
  }
  return violations;
}

/**
 * Every dependency is imported, every imported package is a dependency, and docs/dependencies.md has a line
 * each.
 */
export function dependencyViolations(
  { npm, sources, page }: {
    readonly npm: Manifest;
    readonly sources: readonly Source[];
    readonly page: string;
  },
): readonly Violation[] {
  const violations: Violation[] = [];
  const runtime = new Set(Object.keys(npm.dependencies ?? {}));
  const all = new Set([...runtime, ...Object.keys(npm.devDependencies ?? {})]);
  const imported = new Set<string>();
  for (const source of sources) {
    const allowed = source.path.startsWith("src/") || source.path === "mod.ts" ? runtime : all;
    for (const { specifier, line } of importsOf(source)) {
      const name = packageOf(specifier);
      if (name === null) continue;
      imported.add(name);
      if (!allowed.has(name)) {
        violations.push({ path: source.path, line, message: `${name} is not a dependency in package.json` });
      }
    }
  }
  for (const name of runtime) {
    if (imported.has(name)) continue;
    violations.push({ path: "package.json", line: 1, message: `nothing imports the dependency ${name}` });
  }
  const documented = new Set([...page.matchAll(/^\| `([^`]+)`/gm)].map((match) => match[1]!));
  for (const name of all) {
    if (documented.has(name)) continue;
    violations.push({ path: "docs/dependencies.md", line: 1, message: `no line for ${name}` });
  }
  for (const name of documented) {
    if (all.has(name)) continue;
    violations.push({ path: "docs/dependencies.md", line: 1, message: `${name} is no dependency any more` });
  }
  return violations;
}
