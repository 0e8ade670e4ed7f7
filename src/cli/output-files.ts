/**
 * Where the output of a task's commands goes: `<directory>/<id>.out` and `.err`, each attempt headed by a
 * line. Ids are free text, file names are not: what is unsafe becomes %XX, which can be read back.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";

/** File names may have 255 bytes on the usual file systems; ids may be longer once escaped. */
const NAME_BYTES_MAX = 200;
const SAFE = /^[A-Za-z0-9_@+=,.-]$/;

/**
 * A file name for an id: the id itself where it is safe. One that is too long is cut and ends in `~` and a
 * hash of the whole; `~` is not in any other name.
 */
export function fileNameOfId(id: string): string {
  let name = "";
  for (const char of id) {
    const isSafe = SAFE.test(char) && !(char === "." && name === "");
    name += isSafe ? char : percentEscape(char);
  }
  if (name === "") return "%";
  if (name.length <= NAME_BYTES_MAX) return name;
  const hash = createHash("sha256").update(id).digest("hex").slice(0, 32);
  return `${name.slice(0, NAME_BYTES_MAX - 33)}~${hash}`;
}

/** The id of a name that fileNameOfId made; undefined for one that was cut. */
export function idOfFileName(name: string): string | undefined {
  if (name === "%") return "";
  if (name.includes("~")) return undefined;
  return decodeURIComponent(name);
}

/** The two files of a task. */
export function outputFiles(directory: string, id: string): { readonly out: string; readonly err: string } {
  const name = fileNameOfId(id);
  return { out: join(directory, `${name}.out`), err: join(directory, `${name}.err`) };
}

/** One attempt, as its output's header names it. */
export interface AttemptHeader {
  readonly attempt: number;
  readonly fence: bigint;
  /** Name of the node that runs it. */
  readonly node: string;
  readonly at: Date;
}

/** The line that heads an attempt's output. */
export function outputHeader(of: AttemptHeader): string {
  return `=== attempt ${of.attempt} fence ${of.fence} node ${of.node} ${of.at.toISOString()}`;
}

function percentEscape(char: string): string {
  const bytes = new TextEncoder().encode(char);
  return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}
