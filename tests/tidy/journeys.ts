/**
 * That docs/architecture.md is true: its tables and pictures of folders and rooms, its list of what to read
 * first, and its journeys, whose steps hang together by imports or by messages. Whether a page's links lead
 * anywhere is left to links.ts.
 */
import {
  isCaseClause,
  isIdentifier,
  isImportSpecifier,
  isObjectLiteralExpression,
  isParameterDeclaration,
  isPropertyAssignment,
  isStringLiteral,
  isTypeReferenceNode,
} from "typescript/unstable/ast/is";
import { importsOf } from "./layout.ts";
import { nodesOf, type Source, type Violation } from "./source.ts";

interface Line {
  readonly text: string;
  /** In the page, from 1. */
  readonly line: number;
}

/** One line of a list: a file, what happens there, and the message that arrives there, if one does. */
export interface Step {
  readonly line: number;
  readonly tag: string | null;
  readonly path: string;
  readonly text: string;
}

export interface Journey {
  readonly title: string;
  readonly steps: readonly Step[];
}

const STEP = /^\d+\. (?:`(\w+)` → )?`([\w./-]+\.ts)`: (.+)$/;

/** What stands below a heading, up to the next one that is not below it. */
function sectionOf(page: string, heading: string): readonly Line[] {
  const lines = page.split("\n").map((text, at) => ({ text, line: at + 1 }));
  const from = lines.findIndex(({ text }) => text === heading);
  if (from < 0) return [];
  const level = heading.indexOf(" ");
  const length = lines.slice(from + 1).findIndex(({ text }) =>
    /^#+ /.test(text) && text.indexOf(" ") <= level
  );
  return length < 0 ? lines.slice(from + 1) : lines.slice(from + 1, from + 1 + length);
}

function stepsOf(lines: readonly Line[]): readonly Step[] {
  const items: { readonly line: number; text: string }[] = [];
  for (const { text, line } of lines) {
    if (/^\d/.test(text)) items.push({ line, text });
    else if (/^\s+\S/.test(text) && items.length > 0) items.at(-1)!.text += ` ${text.trim()}`;
  }
  return items.map(({ text, line }) => {
    const [, tag = null, path = "", what = ""] = STEP.exec(text) ?? [];
    return { line, tag, path, text: what };
  });
}

/** Each list below its own heading, all below one. */
export function journeysOf(page: string, heading: string): readonly Journey[] {
  const titles = sectionOf(page, heading).filter(({ text }) => text.startsWith("### "));
  return titles.map(({ text }) => ({ title: text.slice(4), steps: stepsOf(sectionOf(page, text)) }));
}

/** A list of so many files that are there. */
export function readingViolations(
  path: string,
  page: string,
  { heading, count, sources }: {
    readonly heading: string;
    readonly count: number;
    readonly sources: readonly Source[];
  },
): readonly Violation[] {
  const steps = stepsOf(sectionOf(page, heading));
  const known = new Set(sources.map((source) => source.path));
  const violations: Violation[] = [];
  if (steps.length !== count) {
    violations.push({ path, line: 1, message: `${heading} has ${steps.length} files, not ${count}` });
  }
  for (const step of steps) {
    if (!known.has(step.path)) violations.push({ path, line: step.line, message: missing(step) });
  }
  return violations;
}

function missing({ path }: Step): string {
  return path === "" ? "a step must be `file`: what happens there" : `there is no ${path}`;
}

/**
 * Steps whose file is not there, has not what the step names, or does not hang together with an earlier one:
 * by an import in either direction, or by a message that an earlier one sends and that it takes.
 */
export function journeyViolations(
  path: string,
  { title, steps }: Journey,
  sources: readonly Source[],
): readonly Violation[] {
  const sourceByPath = new Map(sources.map((source) => [source.path, source]));
  const violations: Violation[] = [];
  const add = (line: number, message: string): void => void violations.push({ path, line, message });
  if (steps.length < 2) add(1, `"${title}" is no journey: it has ${steps.length} steps`);
  const before: Source[] = [];
  for (const step of steps) {
    const source = sourceByPath.get(step.path);
    if (!source) {
      add(step.line, missing(step));
      continue;
    }
    for (const [, name] of step.text.matchAll(/`([^`]+)`/g)) {
      if (!has(source, name!)) add(step.line, `${step.path} has no ${name}`);
    }
    const problem = step.tag === null
      ? problemOfImport(source, before)
      : problemOfMessage(step, source, before);
    if (problem) add(step.line, problem);
    before.push(source);
  }
  return violations;
}

function has({ text }: Source, name: string): boolean {
  return new RegExp(`(?<![\\w#])${name.replace(/[^\w#]/g, "\\$&")}(?!\\w)`).test(text);
}

function problemOfImport(source: Source, before: readonly Source[]): string | null {
  const isLinked = before.length === 0 ||
    before.some((other) => other === source || imports(other, source) || imports(source, other));
  return isLinked ? null : `no earlier step imports ${source.path}, or is imported by it`;
}

function imports(from: Source, to: Source): boolean {
  return importsOf(from).some(({ target }) => target === to.path);
}

function problemOfMessage({ tag }: Step, source: Source, before: readonly Source[]): string | null {
  if (!before.some((other) => sends(other, tag!))) return `no earlier step sends ${tag}`;
  return takes(source, tag!) ? null : `${source.path} takes no ${tag}`;
}

/** Makes a message of that kind; a codec only reads one. */
function sends(source: Source, tag: string): boolean {
  if (!source.path.startsWith("src/protocol/") || source.path.startsWith("src/protocol/wire/")) return false;
  for (const node of nodesOf(source)) {
    if (!isObjectLiteralExpression(node)) continue;
    for (const property of node.properties) {
      if (!isPropertyAssignment(property) || !isIdentifier(property.name)) continue;
      const { initializer } = property;
      if (property.name.text === "type" && isStringLiteral(initializer) && initializer.text === tag) {
        return true;
      }
    }
  }
  return false;
}

/** Has a function for such a message, or distinguishes it from the other messages. */
function takes(source: Source, tag: string): boolean {
  const name = `${tag[0]!.toUpperCase()}${tag.slice(1)}Message`;
  let hasCase = false;
  let knowsAll = false;
  for (const node of nodesOf(source)) {
    if (isParameterDeclaration(node)) {
      const { type } = node;
      if (type && isTypeReferenceNode(type) && isIdentifier(type.typeName) && type.typeName.text === name) {
        return true;
      }
    }
    if (isCaseClause(node) && isStringLiteral(node.expression) && node.expression.text === tag) {
      hasCase = true;
    }
    if (isImportSpecifier(node) && node.name.text === "Message") knowsAll = true;
  }
  return hasCase && knowsAll;
}

/**
 * A table whose first column names folders and whose last column says what each may import, against the
 * layout; and the picture before it, in which whatever is imported stands below.
 */
export function arrowViolations(
  path: string,
  page: string,
  heading: string,
  below: Readonly<Record<string, readonly string[]>>,
): readonly Violation[] {
  const lines = sectionOf(page, heading);
  const violations: Violation[] = [];
  const add = (line: number, message: string): void => void violations.push({ path, line, message });
  const rows = lines.flatMap(({ text, line }) => {
    const cells = /^\| `/.test(text) ? text.split("|").slice(1, -1).map((cell) => cell.trim()) : [];
    return cells.length === 0 ? [] : [{ line, name: cells[0]!.slice(1, -1), cells }];
  });
  for (const name of Object.keys(below)) {
    if (!rows.some((row) => row.name === name)) add(1, `${heading} has no row for ${name}`);
  }
  for (const { line, name, cells } of rows) {
    const listed = cells.at(-1)!.split(", ").filter((each) => each !== "");
    const allowed = below[name];
    if (!allowed) add(line, `${name} is not in the layout`);
    else if (listed.join() !== allowed.join()) {
      add(line, `${name} may import ${allowed.join(", ") || "nothing"}`);
    }
  }
  return [...violations, ...pictureViolations(path, lines, below)];
}

function pictureViolations(
  path: string,
  lines: readonly Line[],
  below: Readonly<Record<string, readonly string[]>>,
): readonly Violation[] {
  const fences = lines.flatMap(({ text }, at) => text.startsWith("```") ? [at] : []);
  const picture = fences.length < 2 ? [] : lines.slice(fences[0]! + 1, fences[1]);
  const rowOf = (name: string): number => picture.findIndex(({ text }) => wordsIn(text).includes(name));
  const violations: Violation[] = [];
  for (const [name, targets] of Object.entries(below)) {
    for (const each of [name, ...targets.filter((target) => target in below)]) {
      const message = rowOf(each) < 0
        ? `the picture has no ${each}`
        : each !== name && rowOf(each) <= rowOf(name)
        ? `the picture must have ${each} below ${name}`
        : null;
      if (message !== null) violations.push({ path, line: picture[0]?.line ?? 1, message });
    }
  }
  return violations;
}

function wordsIn(text: string): readonly string[] {
  return text.match(/\w+/g) ?? [];
}
