/**
 * Names of the files that commands' output goes to, and the line that heads each attempt's. Both can be read
 * back: from the name the task, from the line whose file it is.
 */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where the output of a task's commands goes: `<directory>/<id>.out` and `.err`. */
export function outputFiles(directory: string, id: string): { readonly out: string; readonly err: string } {
  const name = fileNameOfId(id);
  return { out: join(directory, `${name}.out`), err: join(directory, `${name}.err`) };
}

/** File names may have 255 bytes on the usual file systems; ids may be longer once escaped. */
const NAME_BYTES_MAX = 200;
const SAFE = /^[A-Za-z0-9_@+=,.-]$/;

/**
 * A file name for an id. Ids are free text, file names are not: what is unsafe becomes %XX. One that is too
 * long is cut and ends in `~` and a hash of the whole; `~` is not in any other name.
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

function percentEscape(char: string): string {
  const bytes = new TextEncoder().encode(char);
  return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

/** The id of a name that fileNameOfId made; undefined for one that was cut. */
export function idOfFileName(name: string): string | undefined {
  if (name === "%") return "";
  if (name.includes("~")) return undefined;
  return decodeURIComponent(name);
}

/** One attempt, as its output's header names it. */
interface AttemptHeader {
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

const HEADER = /^=== attempt \d+ fence \d+ node (.*) \d{4}-\d\d-\d\dT[\d:.]+Z(?: \(continued\))?$/;

/** The node that a header names; undefined for a line that is none. */
export function nodeOfHeader(line: string): string | undefined {
  return HEADER.exec(line)?.[1];
}

/** Of a file, also one that was rotated: the name of its task, as fileNameOfId made it. */
export function taskNameOf(file: string): string | undefined {
  return /^(.+)\.(?:out|err)(?:\.1)?$/.exec(file)?.[1];
}

/** Where the id is when its name was cut. */
export function idFile(directory: string, name: string): string {
  return join(directory, `${name}.id`);
}

/** Keeps the id of a task whose files do not tell it, as well as that can be done. */
export function writeOutputId(directory: string, id: string): void {
  const name = fileNameOfId(id);
  if (idOfFileName(name) !== undefined) return;
  try {
    writeFileSync(idFile(directory, name), id, { mode: 0o600 });
  } catch {
    // then nor can its output be written, and that is reported
  }
}
