/**
 * Event listeners that may throw, or return a promise that rejects: an EventTarget of the runtime would end
 * the process for it, on some runtimes and not on others. Where their errors go is up to others.
 */
import { hearRejection } from "./thrown.ts";

type Listener = EventListenerOrEventListenerObject;

/** Wraps listeners; the same one is always wrapped in the same way, so that it can be removed again. */
export class ListenerGuard {
  readonly #onThrown: (event: Event, error: unknown) => void;
  readonly #guardedByListener: WeakMap<object, EventListener> = new WeakMap();

  constructor(onThrown: (event: Event, error: unknown) => void) {
    this.#onThrown = onThrown;
  }

  guarded(listener: Listener): EventListener;
  guarded(listener: Listener | null): EventListener | null;
  guarded(listener: Listener | null): EventListener | null {
    // the EventTarget says what it takes
    if (listener === null || (typeof listener !== "function" && typeof listener !== "object")) {
      return listener;
    }
    const known = this.#guardedByListener.get(listener);
    if (known) return known;
    const onThrown = this.#onThrown;
    const guarded = function (this: unknown, event: Event): void {
      try {
        const answer: unknown = typeof listener === "function"
          ? listener.call(this as EventTarget, event)
          : listener.handleEvent(event);
        hearRejection(answer, (error) => onThrown(event, error));
      } catch (error) {
        onThrown(event, error);
      }
    };
    this.#guardedByListener.set(listener, guarded);
    return guarded;
  }
}

/** The controller's signal, whose own listeners may throw. A signal that is made of it is the runtime's. */
export function guardSignal(controller: AbortController, onThrown: (error: unknown) => void): AbortSignal {
  const { signal } = controller;
  const guard = new ListenerGuard((_event, error) => onThrown(error));
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  let onabort: AbortSignal["onabort"] = null;
  return Object.defineProperties(signal, {
    addEventListener: {
      value: (type: string, listener: Listener | null, options?: AddEventListenerOptions | boolean): void =>
        addEventListener.call(signal, type, guard.guarded(listener), options),
    },
    removeEventListener: {
      value: (type: string, listener: Listener | null, options?: EventListenerOptions | boolean): void =>
        removeEventListener.call(signal, type, guard.guarded(listener), options),
    },
    onabort: {
      get: (): AbortSignal["onabort"] => onabort,
      set: (listener: AbortSignal["onabort"]): void => {
        if (onabort !== null) removeEventListener.call(signal, "abort", guard.guarded(onabort));
        onabort = typeof listener === "function" ? listener : null;
        if (onabort !== null) addEventListener.call(signal, "abort", guard.guarded(onabort));
      },
    },
  });
}
