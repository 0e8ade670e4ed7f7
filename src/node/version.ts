/** The version of this software, for people: from package.json. */
import { readFileSync } from "node:fs";

export const VERSION: string = (() => {
  // beside the sources, or above what was built of them (dist/)
  const path = import.meta.url.endsWith(".ts") ? "../../package.json" : "../../../package.json";
  const file = new URL(path, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
})();
