/**
 * Draws mutants by chance: a seeded draw over the conditions of the code, so that nobody chooses the ones
 * that the tests happen to see. What a mutant is: one condition negated, one side of an `&&` or `||` left
 * out, one comparison moved by one.
 */
import { isBinaryExpression, isConditionalExpression, isIfStatement } from "typescript/unstable/ast/is";
import { type Node, SyntaxKind } from "typescript/unstable/ast";
import { Rng } from "../../src/testing/rng.ts";
import { listFiles, nodesOf, parse, read, type Source } from "../tidy/source.ts";

/** The parts of the product, and the code that belongs to each. */
export const AREAS: Readonly<Record<string, readonly string[]>> = {
  core: ["src/protocol"],
  host: ["src/coordinator"],
  consumer: ["src/consumer", "src/task"],
  store: ["src/store"],
  leash: ["src/cli/exec"],
  mesh: ["src/mesh"],
};

export interface Change {
  readonly area: string;
  readonly file: string;
  /** Must occur in the file exactly once. */
  readonly find: string;
  readonly replace: string;
}

const MOVED: ReadonlyMap<SyntaxKind, string> = new Map([
  [SyntaxKind.LessThanToken, "<="],
  [SyntaxKind.LessThanEqualsToken, "<"],
  [SyntaxKind.GreaterThanToken, ">="],
  [SyntaxKind.GreaterThanEqualsToken, ">"],
  [SyntaxKind.EqualsEqualsEqualsToken, "!=="],
  [SyntaxKind.ExclamationEqualsEqualsToken, "==="],
]);

/** `count` changes, as many of each area as of the others, in the order of the draw. */
export async function draw(count: number, seed: number): Promise<readonly Change[]> {
  const rng = new Rng(seed, 1);
  const drawn: Change[] = [];
  const areas = Object.entries(AREAS);
  for (const [at, [area, folders]] of areas.entries()) {
    const share = Math.floor(count / areas.length) + (at < count % areas.length ? 1 : 0);
    const paths = listFiles(folders, ".ts");
    const sources = await parse(Object.fromEntries(paths.map((path) => [path, read(path)])));
    const possible = sources.flatMap((source) => changesOf(source, area));
    for (let i = 0; i < share && possible.length > 0; i++) {
      drawn.push(...possible.splice(rng.int(possible.length), 1));
    }
  }
  return drawn;
}

function changesOf(source: Source, area: string): Change[] {
  const changes: Change[] = [];
  const textOf = (node: Node): string => source.text.slice(node.getStart(source.tree), node.end);
  const add = (node: Node, replace: string): void => {
    const whole = windowOf(source.text, node.getStart(source.tree), node.end);
    if (whole === null) return;
    const [before, after] = whole;
    const find = before + textOf(node) + after;
    changes.push({ area, file: source.path, find, replace: before + replace + after });
  };
  for (const node of nodesOf(source)) {
    if (isIfStatement(node)) add(node.expression, `!(${textOf(node.expression)})`);
    if (isConditionalExpression(node)) add(node.condition, `!(${textOf(node.condition)})`);
    if (!isBinaryExpression(node)) continue;
    const { left, right, operatorToken } = node;
    if (operatorToken.kind === SyntaxKind.AmpersandAmpersandToken) {
      add(node, textOf(left));
      add(node, textOf(right));
    } else if (operatorToken.kind === SyntaxKind.BarBarToken) {
      add(node, textOf(left));
      add(node, textOf(right));
    }
    const moved = MOVED.get(operatorToken.kind);
    if (moved !== undefined) add(node, `${textOf(left)} ${moved} ${textOf(right)}`);
  }
  return changes;
}

/** The text around a place that makes it the only one in its file; null when there is none on its lines. */
function windowOf(text: string, start: number, end: number): readonly [string, string] | null {
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const lineEnd = text.indexOf("\n", end);
  const around: readonly (readonly [number, number])[] = [
    [start, end],
    [lineStart, end],
    [lineStart, lineEnd],
    [text.lastIndexOf("\n", Math.max(0, lineStart - 2)) + 1, lineEnd],
  ];
  for (const [from, to] of around) {
    if (text.split(text.slice(from, to)).length === 2) return [text.slice(from, start), text.slice(end, to)];
  }
  return null;
}
