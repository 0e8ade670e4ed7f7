/**
 * Timers and clocks of the runtime, replaced while a simulated cluster lives: inside a node they are virtual,
 * for everybody else they are what they were. What a module took before (`node:timers/promises`, a saved
 * `setTimeout`) stays real.
 */
import { currentLife, type Life, VirtualTimer } from "./life.ts";

type Anything = (...args: unknown[]) => unknown;

let users = 0;
let undo: (() => void)[] = [];

/** Until the returned function is called, and as long as other clusters want it. */
export function useVirtualGlobals(): () => void {
  if (users++ === 0) install();
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    if (--users > 0) return;
    for (const restore of undo) restore();
    undo = [];
  };
}

function install(): void {
  for (const name of ["setTimeout", "setInterval"] as const) {
    replace(globalThis, name, (real) => (run, delayMs = 0, ...args) => {
      const life = currentLife();
      if (!life) return real(run, delayMs, ...args);
      return life[name](() => void (run as Anything)(...args), Number(delayMs));
    });
  }
  replace(globalThis, "setImmediate", (real) => (run, ...args) => {
    const life = currentLife();
    return life ? life.setImmediate(() => void (run as Anything)(...args)) : real(run, ...args);
  });
  for (const name of ["clearTimeout", "clearInterval", "clearImmediate"] as const) {
    replace(globalThis, name, (real) => (timer) => {
      if (timer instanceof VirtualTimer) timer.clear();
      else real(timer);
    });
  }
  replace(Date, "now", (real) => () => currentLife()?.wallMs() ?? real());
  replace(performance, "now", (real) => () => currentLife()?.monoMs() ?? real.call(performance));
  replace(AbortSignal, "timeout", (real) => (delayMs) => {
    const life = currentLife();
    return life ? abortedAfter(life, Number(delayMs)) : real.call(AbortSignal, delayMs);
  });
  replace(globalThis, "Date", virtualDate);
}

/** `new Date()` and `Date()` show the time of the node; all else is the real Date's. */
function virtualDate(real: Anything): Anything {
  return new Proxy(real, {
    construct: (target, args, newTarget): object => {
      const life = args.length === 0 ? currentLife() : undefined;
      return Reflect.construct(target, life ? [life.wallMs()] : args, newTarget);
    },
    apply: (target, self, args): unknown => {
      const life = currentLife();
      return life ? String(Reflect.construct(target, [life.wallMs()])) : Reflect.apply(target, self, args);
    },
  });
}

function abortedAfter(life: Life, delayMs: number): AbortSignal {
  const controller = new AbortController();
  const reason = new DOMException("The operation was aborted due to timeout", "TimeoutError");
  life.setTimeout(() => controller.abort(reason), delayMs);
  return controller.signal;
}

function replace(owner: object, key: string, make: (real: Anything) => Anything): void {
  const before = Object.getOwnPropertyDescriptor(owner, key);
  // every one of them is a function
  const real = Reflect.get(owner, key) as Anything;
  Object.defineProperty(owner, key, {
    value: make(real),
    configurable: true,
    enumerable: before?.enumerable ?? false,
    writable: true,
  });
  undo.push(() => {
    if (before) Object.defineProperty(owner, key, before);
    else Reflect.deleteProperty(owner, key);
  });
}
