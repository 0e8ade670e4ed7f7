/**
 * What Stolos's threads are started with, and the process around one: whoever starts it says which it is. In
 * a bundle it is a file of its own, beside the bundle (base/own-file.ts).
 */
import { isMainThread, workerData } from "node:worker_threads";

const role: unknown = isMainThread
  ? process.argv[2]
  : (workerData as { readonly role?: unknown } | null)?.role;

// loaded as late as that: what one thread needs is no other's burden
switch (role) {
  case "store":
    void import("./store/sqlite-thread.ts");
    break;
  case "handler":
    void import("./consumer/threads/handler-thread.ts");
    break;
  case "handler-process":
    void import("./consumer/threads/handler-process.ts");
    break;
  default:
    throw new Error("Cannot start a thread of Stolos: only a node starts them");
}
