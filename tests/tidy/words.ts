/** Words: one for each idea in names, and nothing of the machine on which the project was written. */
import { isIdentifier, isPrivateIdentifier } from "typescript/unstable/ast/is";
import { lineOf, nodesOf, type Source, type Violation } from "./source.ts";

const BETTER_BY_WORD: ReadonlyMap<string, string> = new Map([
  ["job", "task"],
  ["leader", "steward"],
  ["lock", "lease"],
  ["master", "steward"],
  ["slave", "keeper"],
]);

/** Names in src, word by word: "isLeader" has the word leader, "clock" has not the word lock. */
export function wordViolations(sources: readonly Source[]): readonly Violation[] {
  const violations: Violation[] = [];
  for (const source of sources) {
    if (source.path !== "mod.ts" && !source.path.startsWith("src/")) continue;
    const note = (name: string, line: number): void => {
      for (const word of wordsOf(name)) {
        const better = BETTER_BY_WORD.get(word) ?? BETTER_BY_WORD.get(word.replace(/s$/, ""));
        if (better) {
          violations.push({ path: source.path, line, message: `${name}: say ${better}, not ${word}` });
        }
      }
    };
    note(source.path.split("/").at(-1)!, 1);
    for (const node of nodesOf(source)) {
      if (isIdentifier(node) || isPrivateIdentifier(node)) note(node.text, lineOf(source, node));
    }
  }
  return violations;
}

export function wordsOf(name: string): readonly string[] {
  const spaced = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  return spaced.toLowerCase().split(/[^a-z]+/).filter((word) => word !== "");
}

/** Absolute paths below a home, a checkout or a temporary folder, in the text of any file. */
export function pathViolations(textByPath: Readonly<Record<string, string>>): readonly Violation[] {
  const violations: Violation[] = [];
  for (const [path, text] of Object.entries(textByPath)) {
    text.split("\n").forEach((line, at) => {
      const found = /(?:^|[\s"'`(=:,[])(\/(?:work|root|home|Users|opt|mnt|srv|tmp|var\/tmp)\/[\w.-]+)/.exec(
        line,
      );
      if (found) violations.push({ path, line: at + 1, message: `a path of one machine: ${found[1]}` });
    });
  }
  return violations;
}
