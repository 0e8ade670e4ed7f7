/**
 * That pages do not lead nowhere: links to files and headings of the project, and files of it that a page
 * names. Addresses on the web are not followed.
 */
import { dirname, join, normalize } from "node:path";
import type { Violation } from "./source.ts";

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
