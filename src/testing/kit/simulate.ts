/** Makes a simulated cluster. */
import { SimulatedCluster } from "./cluster.ts";
import type { SimulateOptions } from "./options.ts";

/**
 * Starts a cluster of real nodes on virtual time: nothing happens before `advance`, `until` or `ready`.
 * Dispose it at the end: `await using cluster = simulate()`.
 *
 * @throws TypeError, RangeError for bad options
 */
export function simulate(options: SimulateOptions = {}): SimulatedCluster {
  return new SimulatedCluster(options);
}
