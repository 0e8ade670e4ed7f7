/**
 * A handler with a bug, and the same without: it charges a customer every second, for ever. Only one may do
 * so at a time.
 */
import { type Context, defineTask, type HandlerFunction, type TaskDefinition } from "../../mod.ts";

export interface Metered {
  readonly customer: string;
}

export const meter: TaskDefinition<Metered> = defineTask<Metered>({ name: "meter" });

/** Where the charges are booked; shared by all nodes, as a database is. */
export class Ledger {
  readonly charges: string[] = [];
  #highestFence = 0n;

  /** Refuses whoever shows a smaller fence than was seen already. */
  charge(customer: string, fence?: bigint): void {
    if (fence !== undefined && fence < this.#highestFence) throw new Error(`fence ${fence} is over`);
    this.#highestFence = fence ?? this.#highestFence;
    this.charges.push(customer);
  }
}

/** The bug: it never looks at ctx.signal. Nobody notices, as long as the network holds. */
export function forgetfulMeter(ledger: Ledger): HandlerFunction<Metered, void> {
  return async (task) => {
    for (;;) {
      ledger.charge(task.input.customer);
      await sleep(1000);
    }
  };
}

/** Stops when its signal aborts, and shows its fence in case that comes too late. */
export function carefulMeter(ledger: Ledger): HandlerFunction<Metered, void> {
  return async (task, ctx: Context) => {
    while (!ctx.signal.aborted) {
      ledger.charge(task.input.customer, ctx.fence);
      await sleep(1000, ctx.signal);
    }
  };
}

/** Ends early when the signal aborts. An ordinary timer: in a simulated cluster it is virtual. */
function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
