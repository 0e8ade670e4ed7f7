/**
 * A fence checked by a file system. There is no "rename if": whoever compares a fence and then renames over
 * the file can be stopped in between, and its late rename takes the place of what a newer attempt wrote. So
 * the file is a directory, what is written under a fence is a file of its own in it, named by the fence,
 * and the file's content is that of the highest name. This is safe without any mutual exclusion, because:
 *
 * - a name appears with all of its content: written and synced under another name first, then link(2),
 *   which fails if the name is there. So one fence writes once;
 * - the highest name never goes away, so what readers see only goes forward;
 * - a late writer, however late its link, adds a name that is not the highest: no reader takes it. It sees
 *   that itself, and removes it. If it dies before, a file stays that nobody reads.
 *
 * `refused` means that a higher fence stands. Of two writers at the same time the lower may get that answer
 * although a reader saw its content for a moment. A file for each attempt that wrote stays: remove those
 * that are below the highest and older than any read takes. All of this holds on a local POSIX file system.
 * On NFS a listing may be seconds old: a late writer may get `written`, and a reader may lag, yet the highest
 * name stands.
 */
import { randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/** `repeated`: this fence has written before, and nothing was done. `refused`: a higher one has written. */
export type Verdict = "written" | "repeated" | "refused";

export async function writeFenced(
  directory: string,
  { fence, value }: { readonly fence: bigint; readonly value: string },
): Promise<Verdict> {
  await mkdir(directory, { recursive: true });
  const before = await highestIn(directory);
  if (before >= fence) return before === fence ? "repeated" : "refused";
  const mine = join(directory, nameOf(fence));
  const isFirst = await linkNew(mine, join(directory, `.${randomUUID()}`), value);
  if (await highestIn(directory) === fence) return isFirst ? "written" : "repeated";
  await rm(mine, { force: true });
  return "refused";
}

/** The content of the highest fence, or null. */
export async function readFenced(
  directory: string,
): Promise<{ readonly fence: bigint; readonly value: string } | null> {
  for (;;) {
    const fence = await highestIn(directory);
    if (fence === 0n) return null;
    try {
      return { fence, value: await readFile(join(directory, nameOf(fence)), "utf8") };
    } catch (error) {
      // removed by the one that wrote it, because a higher one is there now
      if (!isCode(error, "ENOENT")) throw error;
    }
  }
}

/** False if the name was there. Durable, name and content, when it returns. */
async function linkNew(path: string, temporary: string, value: string): Promise<boolean> {
  try {
    await using file = await open(temporary, "wx");
    await file.writeFile(value);
    await file.sync();
    await link(temporary, path);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
    await using directory = await open(join(path, ".."), "r");
    await directory.sync();
  }
}

/** Names of one length, so that they sort as their numbers do. */
function nameOf(fence: bigint): string {
  return String(fence).padStart(20, "0");
}

async function highestIn(directory: string): Promise<bigint> {
  const names = await readdir(directory).catch((error) =>
    isCode(error, "ENOENT") ? [] : Promise.reject(error)
  );
  const fences = names.filter((name) => /^\d{20}$/.test(name)).sort();
  return BigInt(fences.at(-1) ?? 0);
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
