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

/** Words of src/protocol's first layout, and what they are called now. */
const BETTER_IN_PROTOCOL: ReadonlyMap<string, string> = new Map([
  ["reign", "term"],
  ["crowned", "elected"],
  ["desk", "steward"],
  ["inquiries", "client service"],
  ["tray", "replies"],
  ["hunger", "demand"],
  ["hungry", "demand"],
  ["inheritance", "reconfiguration"],
  ["image", "sealed copy"],
  ["piece", "chunk"],
  ["wish", "pending change"],
  ["attendance", "failure detector"],
  ["beat", "heartbeat"],
  ["likeness", "queue key"],
  ["hurry", "tickSoon"],
  ["forgive", "addStall"],
  ["told", "what was meant: sent, notified, reported, recorded"],
  ["tell", "what is meant: send, notify, report, record"],
]);
/** Features whose names these words are: in files that bear them. */
const FEATURE_WORDS: ReadonlySet<string> = new Set(["leader", "lock"]);

/** Names in src, word by word: "isLeader" has the word leader, "clock" has not the word lock. */
export function wordViolations(sources: readonly Source[]): readonly Violation[] {
  const violations: Violation[] = [];
  for (const source of sources) {
    if (source.path !== "mod.ts" && !source.path.startsWith("src/")) continue;
    const file = source.path.split("/").at(-1)!;
    const note = (name: string, line: number): void => {
      for (const word of wordsOf(name)) {
        const better = betterFor(word, source.path, file);
        if (better === undefined) continue;
        violations.push({ path: source.path, line, message: `${name}: say ${better}, not ${word}` });
      }
    };
    note(file, 1);
    for (const node of nodesOf(source)) {
      if (isIdentifier(node) || isPrivateIdentifier(node)) note(node.text, lineOf(source, node));
    }
  }
  return violations;
}

function betterFor(word: string, path: string, file: string): string | undefined {
  const one = word.replace(/s$/, "");
  if (FEATURE_WORDS.has(one) && wordsOf(file).some((each) => each.replace(/s$/, "") === one)) {
    return undefined;
  }
  const better = BETTER_BY_WORD.get(word) ?? BETTER_BY_WORD.get(one);
  if (better !== undefined || !path.startsWith("src/protocol/")) return better;
  return BETTER_IN_PROTOCOL.get(word) ?? BETTER_IN_PROTOCOL.get(one);
}

export function wordsOf(name: string): readonly string[] {
  const spaced = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  return spaced.toLowerCase().split(/[^a-z]+/).filter((word) => word !== "");
}

/**
 * A file that exports one class, and types beside it, bears the class's name; the words of its folder are
 * understood (balancers/fair.ts for FairBalancer), and several are the same as one.
 */
export function fileNameViolations(sources: readonly Source[]): readonly Violation[] {
  const violations: Violation[] = [];
  for (const source of sources) {
    if (!source.path.startsWith("src/")) continue;
    const name = onlyClassOf(source);
    if (name === null || name.endsWith("Error")) continue;
    const [file, folder] = source.path.replace(/\.ts$/, "").split("/").reverse();
    const known = new Set([...wordsOf(name), ...wordsOf(folder!)].map(singular));
    if (wordsOf(file!).every((word) => known.has(singular(word)))) continue;
    violations.push({ path: source.path, line: 1, message: `the file of ${name} does not bear its name` });
  }
  return violations;
}

/** The class of a file that exports no other value; else null. */
function onlyClassOf({ text }: Source): string | null {
  const values = [...text.matchAll(/^export (?:abstract |async )*(class|function\*?|const|let) (\w+)/gm)];
  return values.length === 1 && values[0]![1] === "class" ? values[0]![2]! : null;
}

function singular(word: string): string {
  return word.replace(/ies$/, "y").replace(/(?<=..)s$/, "");
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
