/**
 * Where the files of Stolos are that are started and not imported: its threads, and the processes beside it.
 * As sources and as built they have their places. A bundle has one file for all of them (stolos-threads.ts),
 * beside itself.
 */
import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

/** As CommonJS a module knows its path only. */
declare const __filename: string;

const HERE: string = import.meta.url ?? pathToFileURL(__filename).href;
/** What is started in a bundle, without its extension. */
const THREADS = "stolos-threads";

/** A file of this project, from its root; null in a bundle, which has no such files. */
export function ownFile(path: string): URL | null {
  const [, root, extension] = /^(.*\/)src\/base\/own-file(\.[jt]s)$/.exec(HERE) ?? [];
  if (root === undefined || extension === undefined) return null;
  return new URL(path.replace(/\.ts$/, extension), root);
}

/**
 * The file that Stolos's threads are started with.
 *
 * @throws Error when this is a bundle and there is no such file beside it
 */
export function threadsFile(): URL {
  const own = ownFile("src/stolos-threads.ts");
  if (own) return own;
  const extensions = new Set([/\.[cm]?js$/.exec(HERE)?.[0] ?? ".js", ".js", ".mjs", ".cjs"]);
  const files = HERE.startsWith("file:")
    ? [...extensions].map((extension) => new URL(THREADS + extension, HERE))
    : [];
  const found = files.find((file) => existsSync(file));
  if (found) return found;
  const folder = files.length > 0 ? fileURLToPath(new URL(".", HERE)) : HERE;
  throw new Error(
    `Cannot start a thread: a bundle needs ${THREADS}.js beside it, in ${folder}; see docs/install.md`,
  );
}

/** Whether the runtime and this program are one file, which its command line does not name. */
export function isSingleBinary(): boolean {
  return /^file:\/\/\/(\$bunfs|B:\/~BUN)\//i.test(HERE);
}
