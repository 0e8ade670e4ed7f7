/** Preloaded on Node (`--import`): writes to stderr which packages a program had loaded when it ended. */
import { registerHooks } from "node:module";

const packages = new Set<string>();
registerHooks({
  load(url, context, next) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
    if (name !== undefined) packages.add(name);
    return next(url, context);
  },
});
process.on("exit", () => console.error(`loaded: ${[...packages].sort().join(" ")}`));
