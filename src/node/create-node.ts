/** Checks a node's options and starts it: what a node is made of is loaded by a program's first one. */
import type { Node } from "./node-api.ts";
import { type NodeOptions, nodeSettings } from "./options.ts";

/**
 * Creates and starts a node: it listens, looks for others, founds a cluster with them. Without a `store` its
 * state is kept in memory only: a node that stops does not come back, the next one is another.
 *
 * @throws TypeError, RangeError for bad options; StoreError when its store cannot be opened; ConnectError
 * when it cannot listen
 */
export async function createNode(options: NodeOptions = {}): Promise<Node> {
  const settings = nodeSettings(options);
  if (settings.expect === 2) {
    process.emitWarning(
      "a cluster of two nodes survives no failure: add a third, a witness will do",
      "StolosWarning",
    );
  }
  if (settings.coordinator === "embedded" && settings.expect !== 1) {
    throw new RangeError(
      `Cannot create a node: expect must be 1 with coordinator "embedded", got ${settings.expect}`,
    );
  }
  const { startNode } = await import("./start-node.ts");
  return await startNode(settings);
}
