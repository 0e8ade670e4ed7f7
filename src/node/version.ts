/** The version of this software, for people: from package.json. */
import { readFileSync } from "node:fs";

export const VERSION: string = (() => {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
})();
