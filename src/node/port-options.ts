/** Options of a node that plug something into it: a store, the kind of coordinator. */
import { memoryStore } from "../store/memory-store.ts";
import type { Store } from "../store/store.ts";
import { shown } from "./arguments.ts";

export function coordinatorOf(attempt: string, value: unknown): "mesh" | "embedded" {
  if (value === undefined) return "mesh";
  if (value === "mesh" || value === "embedded") return value;
  throw new TypeError(`Cannot ${attempt}: coordinator must be "mesh" or "embedded", got ${shown(value)}`);
}

export function storeOf(attempt: string, value: unknown): Store {
  if (value === undefined) return memoryStore();
  if (typeof value === "object" && value !== null) {
    const store = value as Partial<Store>;
    const calls = [store.open, store.privateKey, store.load, store.append, store.close];
    if (calls.every((call) => typeof call === "function")) return value as Store;
  }
  throw new TypeError(
    `Cannot ${attempt}: store must be a Store, as sqliteStore makes one, got ${shown(value)}`,
  );
}
