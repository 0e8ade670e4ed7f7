/** Starts what a handler runs in on this runtime. */
import { type PortListener, type ThreadPort, WorkerPort } from "./worker-port.ts";

export function openThread(listener: PortListener): ThreadPort {
  return new WorkerPort(listener);
}
