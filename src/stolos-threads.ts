/**
 * What Stolos's threads are started with, and the process around one: whoever starts it says which it is. In
 * a bundle it is a file of its own, beside the bundle (base/own-file.ts). What a thread does with its
 * messages is left to the module of its role.
 */
import { isMainThread, parentPort, workerData } from "node:worker_threads";

/** A role's module. */
interface Role {
  readonly receive: (message: never) => void;
}

const role: unknown = isMainThread
  ? process.argv[2]
  : (workerData as { readonly role?: unknown } | null)?.role;

/** Loaded as late as that: what one thread needs is no other's burden. */
async function load(): Promise<Role> {
  switch (role) {
    case "store":
      return await import("./store/sqlite-thread.ts");
    case "handler":
      return await import("./consumer/threads/handler-thread.ts");
    case "handler-process":
      return await import("./consumer/threads/handler-process.ts");
    default:
      throw new Error("Cannot start a thread of Stolos: only a node starts them");
  }
}

// Deno 2.9 drops what comes to a thread before anybody listens: nobody may have to load anything first
const early: unknown[] = [];
let receive = (message: unknown): void => void early.push(message);
(parentPort ?? process).on("message", (message: unknown) => receive(message));
// no top-level await: in a bundle this may be CommonJS
void load().then((loaded) => {
  receive = loaded.receive as (message: unknown) => void;
  for (const message of early) receive(message);
});
