/**
 * Which file may import which, and that every file is used. The folders of src and the rooms of src/protocol
 * form layers, imports point one way, and no files import each other in a circle. File names in strings count
 * as uses, for files that are spawned.
 */
import { dirname, join, normalize } from "node:path";
import {
  isCallExpression,
  isExportDeclaration,
  isImportDeclaration,
  isStringLiteral,
} from "typescript/unstable/ast/is";
import { SyntaxKind } from "typescript/unstable/ast";
import { lineOf, nodesOf, type Source, type Violation } from "./source.ts";

/** What each folder of src may import. */
export const BELOW_BY_FOLDER: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  base: ["protocol"],
  mesh: ["protocol"],
  store: ["protocol", "base"],
  task: ["protocol", "base"],
  coordinator: ["protocol", "base", "mesh", "store"],
  client: ["protocol", "base", "mesh", "task", "coordinator"],
  consumer: ["protocol", "base", "task", "coordinator"],
  node: ["protocol", "base", "mesh", "store", "task", "coordinator", "client", "consumer"],
  observe: ["base", "node", "consumer", "coordinator", "mod.ts"],
  cli: ["base", "node", "mod.ts"],
  testing: ["protocol", "base", "store", "task", "coordinator", "client", "consumer", "node"],
  simulator: ["protocol", "store", "testing"],
};

/** What each room of src/protocol may import; the files beside the rooms may import all of them. */
export const BELOW_BY_ROOM: Readonly<Record<string, readonly string[]>> = {
  model: [],
  wire: ["model"],
  state: ["model"],
  context: ["model", "wire", "state"],
  log: ["model", "wire", "state", "context"],
  roster: ["model", "context"],
  holder: ["model", "wire", "state", "context"],
  client: ["model", "context"],
  steward: ["model", "wire", "state", "context", "log"],
};

/** Packages that only compute, so that even the protocol may use them. */
const PURE_PACKAGES: ReadonlySet<string> = new Set(["uint8arrays"]);

interface Import {
  readonly from: Source;
  readonly line: number;
  /** As written. */
  readonly specifier: string;
  /** The project's file that it names, or null for a package. */
  readonly target: string | null;
}

export function importsOf(source: Source): readonly Import[] {
  const imports: Import[] = [];
  for (const node of nodesOf(source)) {
    const isDynamic = isCallExpression(node) && node.expression.kind === SyntaxKind.ImportKeyword;
    const literal = isImportDeclaration(node) || isExportDeclaration(node)
      ? node.moduleSpecifier
      : isDynamic
      ? node.arguments[0]
      : undefined;
    if (!literal || !isStringLiteral(literal)) continue;
    const specifier = literal.text;
    const target = specifier.startsWith(".") ? resolve(source.path, specifier) : null;
    imports.push({ from: source, line: lineOf(source, node), specifier, target });
  }
  return imports;
}

function resolve(from: string, specifier: string): string {
  return normalize(join(dirname(from), specifier)).replaceAll("\\", "/");
}

/** The folder of src that a path belongs to; "mod.ts" for the public module; null for the rest. */
function layerOf(path: string): string | null {
  if (path === "mod.ts") return "mod.ts";
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
}

export function importViolations(sources: readonly Source[]): readonly Violation[] {
  const known = new Set(sources.map((source) => source.path));
  const violations: Violation[] = [];
  for (const source of sources) {
    for (const entry of importsOf(source)) {
      const message = problemOf(entry, known);
      if (message) violations.push({ path: source.path, line: entry.line, message });
    }
  }
  return violations;
}

function problemOf({ from, specifier, target }: Import, known: ReadonlySet<string>): string | null {
  const layer = layerOf(from.path);
  if (target === null) {
    if (layer !== "protocol" || PURE_PACKAGES.has(packageOf(specifier) ?? "")) return null;
    return `src/protocol imports nothing that may do more than compute, got "${specifier}"`;
  }
  if (!target.endsWith(".json") && !known.has(target)) return `there is no ${target}`;
  const targetLayer = layerOf(target);
  if (layer === null) return null;
  if (targetLayer === null) return `src imports only from src, got ${target}`;
  if (layer === "protocol" && targetLayer === "protocol") return roomProblemOf(from.path, target);
  if (layer === targetLayer) return null;
  if (layer === "mod.ts") return targetLayer === "cli" ? "mod.ts leaves the command line out" : null;
  const below = BELOW_BY_FOLDER[layer];
  if (!below) return `src/${layer} is not in the layout`;
  return below.includes(targetLayer)
    ? null
    : `src/${layer} must not import from ${targetLayer}, got ${target}`;
}

/** The room of src/protocol that a path belongs to; "" for the files beside the rooms. */
export function roomOf(path: string): string {
  return /^src\/protocol\/([^/]+)\//.exec(path)?.[1] ?? "";
}

function roomProblemOf(from: string, target: string): string | null {
  const [room, targetRoom] = [roomOf(from), roomOf(target)];
  if (room === "" || room === targetRoom) return null;
  const below = BELOW_BY_ROOM[room];
  if (!below) return `src/protocol/${room} is not in the layout`;
  return below.includes(targetRoom)
    ? null
    : `src/protocol/${room} must not import from ${targetRoom || "beside the rooms"}, got ${target}`;
}

/** How many imports lead from room to room of src/protocol, a line each: "steward → log 6". */
export function roomArrows(sources: readonly Source[]): readonly string[] {
  const countByArrow = new Map<string, number>();
  for (const source of sources) {
    if (!source.path.startsWith("src/protocol/")) continue;
    for (const { target } of importsOf(source)) {
      if (!target?.startsWith("src/protocol/") || roomOf(target) === roomOf(source.path)) continue;
      const arrow = `${roomOf(source.path) || "(root)"} → ${roomOf(target)}`;
      countByArrow.set(arrow, (countByArrow.get(arrow) ?? 0) + 1);
    }
  }
  return [...countByArrow].map(([arrow, count]) => `${arrow} ${count}`).sort();
}

/** Files of src that import each other in a circle, types included: each circle once, its files sorted. */
export function circlesOf(sources: readonly Source[]): readonly (readonly string[])[] {
  const targetsByPath = new Map(
    sources.filter(({ path }) => layerOf(path) !== null).map((source) => [source.path, targetsOf(source)]),
  );
  // Tarjan: strongly connected components
  const [number, low] = [new Map<string, number>(), new Map<string, number>()];
  const [stack, circles]: [string[], string[][]] = [[], []];
  const visit = (path: string): void => {
    number.set(path, number.size);
    low.set(path, number.get(path)!);
    stack.push(path);
    for (const target of targetsByPath.get(path)!) {
      if (!targetsByPath.has(target)) continue;
      if (!number.has(target)) visit(target);
      if (stack.includes(target)) low.set(path, Math.min(low.get(path)!, low.get(target)!));
    }
    if (low.get(path) !== number.get(path)) return;
    const members = stack.splice(stack.indexOf(path));
    if (members.length > 1 || targetsByPath.get(path)!.includes(path)) circles.push(members.sort());
  };
  for (const path of targetsByPath.keys()) if (!number.has(path)) visit(path);
  return circles;
}

function targetsOf(source: Source): readonly string[] {
  return importsOf(source).flatMap(({ target }) => target ?? []);
}

export function circleViolations(sources: readonly Source[]): readonly Violation[] {
  return circlesOf(sources).map((members) => ({
    path: members[0]!,
    line: 1,
    message: `a circle of imports: ${members.join(", ")}`,
  }));
}

/** The package that a specifier names, or null for a file or a built-in. */
export function packageOf(specifier: string): string | null {
  if (/^(\.|node:|bun:)/.test(specifier)) return null;
  return specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

/**
 * Files that nobody reaches from the roots. Tests keep src/testing, src/simulator and what they use alive, no
 * other part of src.
 */
export function deadFileViolations(
  sources: readonly Source[],
  roots: readonly string[],
): readonly Violation[] {
  const all = reach(sources, roots);
  const testing = [...all].filter((path) => /^src\/(testing|simulator)\//.test(path));
  const product = reach(sources, [...roots.filter((path) => !isTest(path)), ...testing]);
  const dead = sources.filter(({ path }) => !(path.startsWith("src/") ? product : all).has(path));
  return dead.map(({ path }) => ({ path, line: 1, message: "nothing reaches this file" }));
}

function isTest(path: string): boolean {
  return path.startsWith("tests/") || path.startsWith("bench/");
}

function reach(sources: readonly Source[], roots: readonly string[]): ReadonlySet<string> {
  const sourceByPath = new Map(sources.map((source) => [source.path, source]));
  const reached = new Set<string>();
  const queue = roots.filter((path) => sourceByPath.has(path));
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    if (reached.has(path)) continue;
    reached.add(path);
    const source = sourceByPath.get(path)!;
    for (const target of usesOf(source)) if (sourceByPath.has(target)) queue.push(target);
  }
  return reached;
}

/** Imports, and strings that look like a TypeScript file: beside the file, or from the project's root. */
function usesOf(source: Source): readonly string[] {
  const uses: string[] = [];
  for (const { target } of importsOf(source)) if (target !== null) uses.push(target);
  for (const node of nodesOf(source)) {
    if (!isStringLiteral(node) || !/^[\w./-]+\.ts$/.test(node.text)) continue;
    uses.push(resolve(source.path, node.text), normalize(node.text.replace(/^\.\//, "")));
    const above = node.text.replace(/^(\.\.\/)+/, "");
    if (above !== node.text) uses.push(above);
  }
  return uses;
}
