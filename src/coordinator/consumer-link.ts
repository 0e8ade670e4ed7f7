/** What passes between engine and consumer: effects to the one, offers and settlements to the other. */
import type { Effect, Input } from "../protocol/model/contract.ts";
import type { ConsumerControl, ConsumerPort } from "./coordinator.ts";
import type { Deadlines } from "./deadlines.ts";
import type { Hearsay } from "./cluster-view.ts";
import type { Outlook } from "./diagnosis.ts";

export type ConsumerEffect = Extract<
  Effect,
  { readonly type: "start" | "command" | "abort" | "lost" | "settled" }
>;

export function tellConsumer(consumer: ConsumerPort, effect: ConsumerEffect): void {
  switch (effect.type) {
    case "start":
      return consumer.start(effect.p, effect.task);
    case "command":
      return consumer.tell(effect.p, effect.fence, effect.no, effect.message);
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

export interface ControlOptions {
  readonly push: (input: Input) => void;
  readonly hearsay: Hearsay;
  readonly outlook: Outlook;
  readonly deadlines: Deadlines;
}

/** What the consumer is given. */
export function consumerControl({ push, hearsay, outlook, deadlines }: ControlOptions): ConsumerControl {
  return {
    offer: (slots, handlers, standing, limits = {}) => {
      hearsay.stand(standing);
      hearsay.offer(slots, handlers);
      push({ type: "capacity", slots, handlers, standing, limits });
    },
    settle: ({ p, id, fence, seq, upTo }, settlement) =>
      push({ type: "settle", p, id, fence, seq, upTo, settlement }),
    deadlineMs: (p) => outlook.deadlineMs(p),
    onDeadline: (p, callback) => deadlines.on(p, callback),
  };
}
