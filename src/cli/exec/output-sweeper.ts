/**
 * Removes the output of commands whose tasks are forgotten: at the node's start and every now and then it
 * asks about each task that it has files of. Only the linearizable answer that there is no such task removes
 * anything; whoever cannot be asked is asked the next time.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Client, Node } from "../../../mod.ts";
import { fileNameOfId, idFile, idOfFileName, nodeOfHeader, taskNameOf } from "./output-names.ts";

/** Tasks that are asked about at once. */
const QUESTIONS_MAX = 8;
/** Longer than any header: a name of a node has 256 bytes at most. */
const HEADER_BYTES_MAX = 512;

export interface SweepOptions {
  readonly directory: string;
  /** Nobody else's output is there: it is this node's even if it had another name. */
  readonly isOwn: boolean;
  readonly everyMs: number;
  /** An attempt at the task runs here. */
  readonly isRunning: (id: string) => boolean;
}

/** Sweeps when the node is ready, and again and again until it is stopped. */
export function sweepOutput(
  node: Pick<Node, "name" | "client" | "ready">,
  options: SweepOptions,
): { stop(): void } {
  const stopped = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const sweep = async (): Promise<void> => {
    await removeForgotten(node, options, stopped.signal);
    if (stopped.signal.aborted) return;
    timer = setTimeout(() => void sweep(), options.everyMs);
    timer.unref();
  };
  // a node that is never ready has forgotten nothing
  node.ready({ signal: stopped.signal }).then(sweep, () => {});
  return {
    stop: () => {
      stopped.abort();
      clearTimeout(timer);
    },
  };
}

/** One sweep. */
export async function removeForgotten(
  node: { readonly name: string; readonly client: Pick<Client, "get"> },
  { directory, isOwn, isRunning }: Omit<SweepOptions, "everyMs">,
  stopped: AbortSignal,
): Promise<void> {
  const pathsById = outputById(directory, isOwn ? null : node.name);
  const ids = pathsById.keys();
  const ask = async (): Promise<void> => {
    for (const id of ids) {
      if (stopped.aborted) return;
      if (isRunning(id)) continue;
      const isKnown = await node.client.get(id).then((info) => info !== undefined, () => true);
      // one of that id may have been submitted anew meanwhile, and begun
      if (isKnown || isRunning(id)) continue;
      for (const path of pathsById.get(id) ?? []) rmSync(path, { force: true });
    }
  };
  await Promise.all(Array.from({ length: QUESTIONS_MAX }, ask));
}

/** Files by task, of those that begin as this node's do. `owner`: null = of any name. */
function outputById(directory: string, owner: string | null): Map<string, string[]> {
  const pathsById = new Map<string, string[]>();
  for (const file of filesIn(directory)) {
    const name = taskNameOf(file);
    const id = name === undefined ? undefined : idOf(directory, name);
    if (name === undefined || id === undefined) continue;
    const path = join(directory, file);
    const node = nodeOfHeader(firstLineOf(path));
    if (node === undefined || (owner !== null && node !== owner)) continue;
    let paths = pathsById.get(id);
    if (!paths) pathsById.set(id, paths = [idFile(directory, name)]);
    paths.push(path);
  }
  return pathsById;
}

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Undefined for a name that no task's files have. */
function idOf(directory: string, name: string): string | undefined {
  try {
    const kept = idFile(directory, name);
    const id = idOfFileName(name) ?? (existsSync(kept) ? readFileSync(kept, "utf8") : undefined);
    return id !== undefined && fileNameOfId(id) === name ? id : undefined;
  } catch {
    return undefined;
  }
}

function firstLineOf(path: string): string {
  try {
    const file = openSync(path, "r");
    try {
      const bytes = new Uint8Array(HEADER_BYTES_MAX);
      const length = readSync(file, bytes, 0, bytes.length, 0);
      return new TextDecoder().decode(bytes.subarray(0, length)).split("\n", 1)[0] ?? "";
    } finally {
      closeSync(file);
    }
  } catch {
    return "";
  }
}
