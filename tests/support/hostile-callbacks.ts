/** Handlers whose callbacks and listeners throw: what they do says the input. Also the module of a thread. */
import type { Context, Task } from "../../mod.ts";

function fail(): never {
  throw Object.assign(new Error("x"), { message: 7 });
}

function rejected(): Promise<never> {
  return Promise.reject(Object.assign(new Error("x"), { message: 8 }));
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const untilRenewed = (ctx: Context): Promise<void> =>
  new Promise((resolve) => {
    const end = ctx.onDeadline(() => {
      end();
      resolve();
    });
  });

const untilAborted = (ctx: Context): Promise<never> => {
  const aborted = new Promise<never>((_, reject) =>
    ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason))
  );
  ctx.progress("listens");
  return aborted;
};

async function run(task: Task<string>, ctx: Context): Promise<unknown> {
  switch (task.input) {
    case "onDeadline":
    case "onDeadline rejects": {
      const end = ctx.onDeadline(task.input === "onDeadline" ? fail : rejected as () => never);
      await untilRenewed(ctx);
      end();
      return "renewed";
    }
    case "checkpoint":
      // nobody waits for it
      void ctx.checkpoint(revoked());
      return "not stored";
    case "onHandOff":
      ctx.onHandOff(rejected);
      ctx.onHandOff(fail);
      return "not handed over";
    case "abort":
      ctx.signal.addEventListener("abort", fail);
      return await untilAborted(ctx);
    case "abort rejects":
      ctx.signal.addEventListener("abort", rejected);
      return await untilAborted(ctx);
    case "onabort":
      ctx.signal.onabort = fail;
      return await untilAborted(ctx);
    case "floating":
      void rejected();
      return await new Promise(() => {});
    default:
      throw new Error(`Cannot run: there is no ${task.input}`);
  }
}

export { run as default };
