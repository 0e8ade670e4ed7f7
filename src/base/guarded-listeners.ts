/**
 * Event listeners that may throw, or return a promise that rejects: an EventTarget of the runtime would end
 * the process for it, on some runtimes and not on others. Where their errors go is up to others. The types of
 * events differ between runtimes, and nothing here needs them.
 */
import { hearRejection } from "./thrown.ts";

/** Wraps listeners; the same one is always wrapped in the same way, so that it can be removed again. */
export class ListenerGuard {
  readonly #onThrown: (type: string, error: unknown) => void;
  readonly #guardedByListener: WeakMap<object, unknown> = new WeakMap();

  /** `onThrown`: a listener of events of that type threw. */
  constructor(onThrown: (type: string, error: unknown) => void) {
    this.#onThrown = onThrown;
  }

  /** A function for a listener of either form; what is none comes back as it is. */
  guarded<T>(listener: T): T {
    // the EventTarget says what it takes
    if (listener === null || (typeof listener !== "function" && typeof listener !== "object")) {
      return listener;
    }
    const known = this.#guardedByListener.get(listener);
    // whoever takes a listener takes a function of one event
    if (known !== undefined) return known as T;
    const onThrown = this.#onThrown;
    const guarded = function (this: unknown, event: { readonly type: string }): void {
      try {
        hearRejection(call(listener, this, event), (error) => onThrown(event.type, error));
      } catch (error) {
        onThrown(event.type, error);
      }
    };
    this.#guardedByListener.set(listener, guarded);
    return guarded as T;
  }
}

function call(listener: object, target: unknown, event: unknown): unknown {
  if (typeof listener === "function") return Reflect.apply(listener, target, [event]);
  return (listener as { handleEvent(event: unknown): unknown }).handleEvent(event);
}

/** The controller's signal, whose own listeners may throw. A signal that is made of it is the runtime's. */
export function guardSignal(controller: AbortController, onThrown: (error: unknown) => void): AbortSignal {
  const { signal } = controller;
  const guard = new ListenerGuard((_type, error) => onThrown(error));
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  const add = (type: unknown, listener: unknown, options?: unknown): void =>
    Reflect.apply(addEventListener, signal, [type, guard.guarded(listener), options]);
  const remove = (type: unknown, listener: unknown, options?: unknown): void =>
    Reflect.apply(removeEventListener, signal, [type, guard.guarded(listener), options]);
  let onabort: unknown = null;
  // as whoever replaces them in a program of its own expects
  const usual = { configurable: true, writable: true };
  return Object.defineProperties(signal, {
    addEventListener: { ...usual, value: add },
    removeEventListener: { ...usual, value: remove },
    onabort: {
      configurable: true,
      get: () => onabort,
      set: (listener: unknown) => {
        if (onabort !== null) remove("abort", onabort);
        onabort = typeof listener === "function" ? listener : null;
        if (onabort !== null) add("abort", onabort);
      },
    },
  });
}
