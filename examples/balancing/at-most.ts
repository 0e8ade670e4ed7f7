/** A balancer of your own: at most so many tasks of a name on this node, beside any number of others. */
import type { Balancer, BalancerContext } from "../../mod.ts";

const RETRY_MS = 5000;

/** Refuses what is too much, and gives back the newest when there is too much already. */
export function atMost(count: number, name: string): Balancer {
  let context: BalancerContext | undefined;
  const mine = (): string[] =>
    (context?.tasks() ?? []).filter((task) => task.name === name && !task.stopping).map((task) => task.id);
  return {
    init: (given) => context = given,
    canClaim(task) {
      if (task.name !== name || mine().length < count) return true;
      return { ignoreUntil: new Date((context?.now() ?? 0) + RETRY_MS) };
    },
    balance: () => mine().slice(count),
  };
}
