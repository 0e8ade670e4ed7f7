/**
 * What a file looks like: its first paragraph, its exports, syntax that only TypeScript's emit understands,
 * classes that are complete when they are made, and tests without limits of time of their own.
 */
import { type Node, SyntaxKind } from "typescript/unstable/ast";
import {
  isCallExpression,
  isConstructorDeclaration,
  isExportAssignment,
  isExportDeclaration,
  isIdentifier,
  isNumericLiteral,
  isPropertyDeclaration,
} from "typescript/unstable/ast/is";
import { lineOf, nodesOf, type Source, type Violation } from "./source.ts";

/** The modules of package.json's exports. */
const PUBLIC_MODULES: ReadonlySet<string> = new Set(["mod.ts", "src/testing/kit.ts"]);
const TEST = /^(test|beforeAll|afterAll|beforeEach|afterEach)\b/;
/** What tests/support/limit.ts gives them. */
const TEST_MS_MAX = 240_000;
const BANNED_SYNTAX: ReadonlyMap<SyntaxKind, string> = new Map([
  [SyntaxKind.DefaultKeyword, "no default exports"],
  [SyntaxKind.EnumDeclaration, "no enums: a union of strings"],
  [SyntaxKind.ModuleDeclaration, "no namespaces: a file is one"],
  [SyntaxKind.PrivateKeyword, "no private: #name"],
  [SyntaxKind.ProtectedKeyword, "no protected: compose"],
  [SyntaxKind.Decorator, "no decorators"],
]);

export function shapeViolations(sources: readonly Source[]): readonly Violation[] {
  return sources.flatMap((source) => [...nameViolations(source), ...syntaxViolations(source)]);
}

function nameViolations({ path, text }: Source): readonly Violation[] {
  const violations: Violation[] = [];
  const name = path.split("/").at(-1)!;
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.ts$/.test(name)) {
    violations.push({ path, line: 1, message: `file names are kebab-case, got ${name}` });
  }
  if (!/^(#![^\n]*\n)?\/\*\*\s/.test(text)) {
    violations.push({
      path,
      line: 1,
      message: "a file opens with a doc comment: what it is, what it leaves out",
    });
  }
  return violations;
}

function syntaxViolations(source: Source): readonly Violation[] {
  const violations: Violation[] = [];
  for (const node of nodesOf(source)) {
    const message = limitOf(node, source) ?? problemOf(node, source.path);
    if (message) violations.push({ path: source.path, line: lineOf(source, node), message });
  }
  return violations;
}

/** Longer ones than all tests have are for what goes on for as long as it is told. */
function limitOf(node: Node, { text, tree }: Source): string | null {
  if (!isCallExpression(node)) return null;
  const { expression, arguments: given } = node;
  if (!TEST.test(text.slice(expression.getStart(tree), expression.end))) return null;
  const last = given.at(-1);
  const isShort = last && isNumericLiteral(last) && Number(last.text.replaceAll("_", "")) <= TEST_MS_MAX;
  return isShort ? "no limit of a test's own: tests/support/limit.ts" : null;
}

function problemOf(node: Node, path: string): string | null {
  if (node.kind === SyntaxKind.DefaultKeyword) return null; // of a switch; exports are looked at below
  if (isExportAssignment(node)) return "no default exports";
  if (hasModifier(node, SyntaxKind.ExportKeyword) && hasModifier(node, SyntaxKind.DefaultKeyword)) {
    return "no default exports";
  }
  const isReExport = isExportDeclaration(node) && node.moduleSpecifier !== undefined;
  if (isReExport && !PUBLIC_MODULES.has(path) && path.startsWith("src/")) {
    return "no re-exports but in mod.ts";
  }
  if (isConstructorDeclaration(node) && node.parameters.some((parameter) => parameter.modifiers?.length)) {
    return "no parameter properties";
  }
  const isSetLater = isPropertyDeclaration(node) && node.postfixToken?.kind === SyntaxKind.ExclamationToken;
  if (isSetLater && path.startsWith("src/")) {
    return "no field that is set after the constructor: no field!: T";
  }
  const isGlobal = node.kind === SyntaxKind.ModuleDeclaration &&
    isIdentifier((node as { name?: Node }).name!) &&
    (node as unknown as { name: { text: string } }).name.text === "global";
  return isGlobal ? null : BANNED_SYNTAX.get(node.kind) ?? null;
}

function hasModifier(node: Node, kind: SyntaxKind): boolean {
  const { modifiers } = node as { readonly modifiers?: Iterable<Node> };
  return modifiers !== undefined && [...modifiers].some((modifier) => modifier.kind === kind);
}
