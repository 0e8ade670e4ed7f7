/** The balancers of `stolos peer`, by name. Loaded with the network's code only. */
import type { Balancer } from "../../mod.ts";
import type { BalancerName } from "./peer-options.ts";

/** Loads the network's code: call it only when a node is to run. */
export async function makeBalancer(name: BalancerName): Promise<Balancer> {
  const made = await import("../../mod.ts");
  switch (name) {
    case "dumb":
      return made.dumbBalancer();
    case "fair":
      return made.fairBalancer();
    case "resource":
      return made.resourceBalancer({ claimLimit: 80, releaseLimit: 90, reporter: made.memoryReporter() });
    case "sleep":
      return made.sleepBalancer();
    case "metered":
      return made.meteredBalancer();
    default:
      return name satisfies never;
  }
}
