/** How long files, functions and lines may be. */
import type { Node } from "typescript/unstable/ast";
import {
  isArrowFunction,
  isConstructorDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isMethodDeclaration,
  isSetAccessorDeclaration,
} from "typescript/unstable/ast/is";
import { lineAt, lineOf, nodesOf, type Source, type Violation } from "./source.ts";

/** A file is as long as its concept; beyond this it has probably more than one. */
export const FILE_LINES_MAX = 600;
export const FUNCTION_LINES_MAX = 70;
export const LINE_COLUMNS_MAX = 110;

const IS_FUNCTION: readonly ((node: Node) => boolean)[] = [
  isArrowFunction,
  isConstructorDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isMethodDeclaration,
  isSetAccessorDeclaration,
];

export function isFunction(node: Node): boolean {
  return IS_FUNCTION.some((is) => is(node));
}

export function sizeViolations(sources: readonly Source[]): readonly Violation[] {
  return sources.flatMap((source) => [...fileViolations(source), ...functionViolations(source)]);
}

function fileViolations({ path, lines, text }: Source): readonly Violation[] {
  const violations: Violation[] = [];
  const lineCount = text.endsWith("\n") ? lines.length - 1 : lines.length;
  if (lineCount > FILE_LINES_MAX) {
    violations.push({
      path,
      line: lineCount,
      message: `${lineCount} lines in a file, at most ${FILE_LINES_MAX}`,
    });
  }
  lines.forEach((line, at) => {
    const columns = [...line].length;
    if (columns <= LINE_COLUMNS_MAX) return;
    violations.push({
      path,
      line: at + 1,
      message: `${columns} columns in a line, at most ${LINE_COLUMNS_MAX}`,
    });
  });
  return violations;
}

function functionViolations(source: Source): readonly Violation[] {
  const violations: Violation[] = [];
  for (const node of nodesOf(source)) {
    if (!isFunction(node)) continue;
    const line = lineOf(source, node);
    const count = lineAt(source, node.end) - line + 1;
    if (count <= FUNCTION_LINES_MAX) continue;
    violations.push({
      path: source.path,
      line,
      message: `${count} lines in a function, at most ${FUNCTION_LINES_MAX}`,
    });
  }
  return violations;
}
