/** The balancers of `stolos peer`, by name. Loaded with the network's code only. */
import {
  type Balancer,
  dumbBalancer,
  fairBalancer,
  memoryReporter,
  meteredBalancer,
  resourceBalancer,
  sleepBalancer,
} from "../../mod.ts";
import type { BalancerName } from "./peer-options.ts";

export const BALANCERS: Readonly<Record<BalancerName, () => Balancer>> = {
  dumb: dumbBalancer,
  fair: fairBalancer,
  resource: () => resourceBalancer({ claimLimit: 80, releaseLimit: 90, reporter: memoryReporter() }),
  sleep: sleepBalancer,
  metered: meteredBalancer,
};
