/** Starts what a handler runs in on this runtime: something that can be ended whatever it does. */
import { ProcessPort } from "./process-port.ts";
import { type PortListener, type ThreadPort, WorkerPort } from "./worker-port.ts";

export function openThread(listener: PortListener): ThreadPort {
  return "deno" in process.versions ? new ProcessPort(listener) : new WorkerPort(listener);
}
