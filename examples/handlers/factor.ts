/** The smallest factor of a number: computes for long and waits for nothing. Runs in a thread. */
import type { Context, Task } from "../../mod.ts";

function factor(task: Task<bigint>, ctx: Context): bigint {
  const n = task.input;
  let at = task.state === undefined ? 2n : task.state as bigint;
  for (let turns = 1; at * at <= n; at++, turns++) {
    if (n % at === 0n) return at;
    if (turns % 1_000_000 > 0) continue;
    ctx.signal.throwIfAborted(); // an abort is seen here, although the loop never waits
    ctx.beat(); // still alive
    void ctx.checkpoint(at); // where the next attempt goes on
  }
  return n;
}

export { factor as default };
