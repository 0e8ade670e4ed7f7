/** The desks of this node's reigns: opened with a reign, found by it. */
import type { Core } from "./core.ts";
import { Desk } from "./desk.ts";
import type { Dispatcher } from "./dispatch.ts";
import type { Reign } from "./reign.ts";
import type { Sessions } from "./sessions.ts";

export class Desks {
  readonly #byReign: WeakMap<Reign, Desk> = new WeakMap();
  readonly open: (reign: Reign) => Desk;

  constructor(core: Core, sessions: Sessions, dispatcher: Dispatcher) {
    this.open = (reign) => {
      const desk = new Desk(core, sessions, dispatcher, reign);
      this.#byReign.set(reign, desk);
      return desk;
    };
  }

  of(reign: Reign): Desk {
    return this.#byReign.get(reign)!;
  }
}
