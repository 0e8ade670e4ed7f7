/**
 * That pages and comments do not lead nowhere: links to files and headings of the project, and files of it
 * that a page or a comment names. Addresses on the web are not followed.
 */
import { basename, dirname, join, normalize } from "node:path";
import { lineAt, type Source, type Violation } from "./source.ts";

/** What stands in the project; `read` is asked for pages only. */
export interface Tree {
  has(path: string): boolean;
  read(path: string): string;
}

const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;
const NAMED_FILE = /(?<![\w/.-])(?:src|tests|examples|bench|docs)\/[\w./-]+\.(?:ts|txt|md)\b/g;

export function pageViolations(page: string, tree: Tree): readonly Violation[] {
  const violations: Violation[] = [];
  tree.read(page).split("\n").forEach((text, at) => {
    const add = (message: string): void => void violations.push({ path: page, line: at + 1, message });
    for (const [, link] of text.matchAll(LINK)) {
      const problem = problemOfLink(page, link!, tree);
      if (problem) add(problem);
    }
    for (const [path] of text.matchAll(NAMED_FILE)) if (!tree.has(path)) add(`there is no ${path}`);
  });
  return violations;
}

function problemOfLink(page: string, link: string, tree: Tree): string | null {
  if (/^[a-z]+:/.test(link)) return null;
  const [file = "", heading] = link.split("#");
  const target = file === "" ? page : normalize(join(dirname(page), file)).replaceAll("\\", "/");
  if (!tree.has(target)) return `a link to ${target}, which is not there`;
  if (heading === undefined) return null;
  return anchorsOf(tree.read(target)).has(heading)
    ? null
    : `a link to #${heading}, not a heading of ${target}`;
}

/** The anchors that GitHub gives to a page's headings. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const outsideCode = text.replace(/^```[^]*?^```/gm, "");
  const anchors = new Set<string>();
  for (const [, title] of outsideCode.matchAll(/^#{1,6} (.+)$/gm)) {
    anchors.add(title!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-"));
  }
  return anchors;
}

const COMMENT = /\/\*[^]*?\*\/|\/\/[^\n]*/g;
const FILE_IN_COMMENT = /(?<![\w./@-])[\w-][\w./-]*\.ts\b/g;

/**
 * Files that a comment in src names: a reader finds each beside the comment, or from a folder above it. No
 * file is named in itself.
 */
export function commentViolations(
  sources: readonly Source[],
  tree: Pick<Tree, "has">,
): readonly Violation[] {
  const violations: Violation[] = [];
  for (const source of sources) {
    const { path, text } = source;
    if (!path.startsWith("src/")) continue;
    for (const comment of text.matchAll(COMMENT)) {
      for (const { 0: name, index } of comment[0].matchAll(FILE_IN_COMMENT)) {
        const message = problemOfName(path, name, tree);
        if (message) violations.push({ path, line: lineAt(source, comment.index + index), message });
      }
    }
  }
  return violations;
}

function problemOfName(path: string, name: string, tree: Pick<Tree, "has">): string | null {
  if (name === basename(path)) return "a comment that names its own file";
  for (let folder = dirname(path);; folder = dirname(folder)) {
    if (tree.has(join(folder, name).replaceAll("\\", "/"))) return null;
    if (folder === ".") return `a comment names ${name}, which is neither beside it nor in a folder above`;
  }
}

const FILE_BESIDE = /import\.meta\.dirname,\s*"([^"]+\.ts)"/g;

/** Files that code opens beside itself: a folder that was moved may have left them behind. */
export function besideViolations(
  sources: readonly Source[],
  tree: Pick<Tree, "has">,
): readonly Violation[] {
  const violations: Violation[] = [];
  // the rules' own tests have bad examples
  for (const source of sources.filter(({ path }) => !path.startsWith("tests/tidy/"))) {
    for (const { 1: name = "", index } of source.text.matchAll(FILE_BESIDE)) {
      if (tree.has(join(dirname(source.path), name).replaceAll("\\", "/"))) continue;
      violations.push({ path: source.path, line: lineAt(source, index), message: `there is no ${name}` });
    }
  }
  return violations;
}
