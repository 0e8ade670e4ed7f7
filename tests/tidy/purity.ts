/**
 * What src/protocol must not do: no input or output, no clock, no chance, nothing asynchronous, and nothing
 * whose result differs between the runtimes. Time and chance come in with the step.
 */
import { type Node, SyntaxKind } from "typescript/unstable/ast";
import {
  isForOfStatement,
  isIdentifier,
  isMetaProperty,
  isPropertyAccessExpression,
} from "typescript/unstable/ast/is";
import { lineOf, nodesOf, type Source, type Violation } from "./source.ts";

const BANNED_NAMES: ReadonlySet<string> = new Set([
  ...[
    "Date",
    "performance",
    "Temporal",
    "Intl",
    "setTimeout",
    "setInterval",
    "setImmediate",
    "queueMicrotask",
  ],
  ...[
    "clearTimeout",
    "clearInterval",
    "Promise",
    "fetch",
    "crypto",
    "console",
    "process",
    "globalThis",
    "Worker",
  ],
  ...[
    "navigator",
    "Atomics",
    "SharedArrayBuffer",
    "Bun",
    "Deno",
    "require",
    "WeakRef",
    "FinalizationRegistry",
  ],
  ...["localeCompare", "toLocaleString", "toLocaleLowerCase", "toLocaleUpperCase"],
]);
/** These give the same bits everywhere; `exp`, `log`, `sin`, `pow` and their like do not. */
const ALLOWED_MATH: ReadonlySet<string> = new Set([
  ...["abs", "ceil", "clz32", "floor", "fround", "imul", "max", "min", "round", "sign", "sqrt", "trunc"],
]);
const BANNED_SYNTAX: ReadonlyMap<SyntaxKind, string> = new Map([
  [SyntaxKind.AwaitExpression, "await"],
  [SyntaxKind.AsyncKeyword, "async"],
  [SyntaxKind.ForInStatement, "for … in"],
]);

export function purityViolations(sources: readonly Source[]): readonly Violation[] {
  const violations: Violation[] = [];
  for (const source of sources) {
    if (!source.path.startsWith("src/protocol/")) continue;
    for (const node of nodesOf(source)) {
      const banned = bannedIn(node);
      if (!banned) continue;
      violations.push({
        path: source.path,
        line: lineOf(source, node),
        message: `${banned} in src/protocol`,
      });
    }
  }
  return violations;
}

function bannedIn(node: Node): string | null {
  const syntax = BANNED_SYNTAX.get(node.kind);
  if (syntax) return syntax;
  if (isForOfStatement(node) && node.awaitModifier) return "for await";
  if (isMetaProperty(node)) return "import.meta";
  if (isIdentifier(node) && node.text === "Math" && !isPropertyAccessExpression(node.parent)) {
    return "a bare Math";
  }
  if (isIdentifier(node)) return BANNED_NAMES.has(node.text) ? node.text : null;
  if (!isPropertyAccessExpression(node) || !isIdentifier(node.expression)) return null;
  const isMath = node.expression.text === "Math";
  return isMath && !ALLOWED_MATH.has(node.name.text) ? `Math.${node.name.text}` : null;
}
