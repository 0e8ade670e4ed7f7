/**
 * Which runtimes are new enough. Syntax that they all know, and no imports: it is to be heard where the rest
 * cannot even be parsed.
 */

/** The lowest versions on which every part works: Bun before 1.4 has no node:sqlite. */
const LOWEST = [
  ["deno", "Deno", 2, 8],
  ["bun", "Bun", 1, 4],
  ["node", "Node", 24, 0],
] as const;

/**
 * Why this runtime will not do, in one line; null when it will. Bun and Deno have a version of Node too: that
 * which they are like.
 */
export function runtimeRefusal(versions: Readonly<Record<string, string | undefined>>): string | null {
  for (const [key, name, major, minor] of LOWEST) {
    const version = versions[key];
    if (version === undefined) continue;
    const [seenMajor = 0, seenMinor = 0] = version.split(".").map(Number);
    if (seenMajor > major || (seenMajor === major && seenMinor >= minor)) return null;
    const lowest = minor === 0 ? major : `${major}.${minor}`;
    return `stolos needs ${name} ${lowest} or newer; this is ${name} ${version}`;
  }
  return null;
}
