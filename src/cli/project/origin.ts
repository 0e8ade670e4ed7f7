/** Where this software stands while it makes a project, so that the project gets the same. */
import { existsSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** From a registry, or from a checkout, whose path is as the project's directory sees it. */
export type Origin = { readonly type: "registry" } | { readonly type: "checkout"; readonly path: string };

/** @param url of this file; in a package that was built, in a bundle or a binary it is no source */
export function originOf(directory: string, url: string = import.meta.url): Origin {
  if (!url.startsWith("file:") || !url.endsWith(".ts")) return { type: "registry" };
  const root = dirname(dirname(dirname(dirname(fileURLToPath(url)))));
  if (!existsSync(join(root, "mod.ts"))) return { type: "registry" };
  return { type: "checkout", path: relative(directory, root).split(sep).join("/") };
}
