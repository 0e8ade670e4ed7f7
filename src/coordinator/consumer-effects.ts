/** The engine's effects that concern the consumer. */
import type { Effect } from "../protocol/api.ts";
import type { ConsumerPort } from "./coordinator.ts";

export type ConsumerEffect = Extract<Effect, { readonly type: "start" | "abort" | "lost" | "settled" }>;

export function tellConsumer(consumer: ConsumerPort, effect: ConsumerEffect): void {
  switch (effect.type) {
    case "start":
      return consumer.start(effect.p, effect.task);
    case "abort":
      return consumer.abort(effect.p, effect.fence);
    case "lost":
      return consumer.lost(effect.p, effect.fence, effect.reason);
    case "settled":
      return consumer.settled(effect.p, effect.fence, effect.seq, effect.accepted);
    default:
      return effect satisfies never;
  }
}
