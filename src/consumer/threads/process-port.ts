/**
 * A thread in a process of its own, for Deno: nothing there ends a thread that is in a loop, `terminate()`
 * only says that it has. A process can be killed. handler-process.ts is the other side.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { threadsFile } from "../../base/own-file.ts";
import { errorOf, type FromProcess, type ToThread } from "./messages.ts";
import { type PortListener, type ThreadPort, UnstartedError } from "./worker-port.ts";

export class ProcessPort implements ThreadPort {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(listener: PortListener) {
    const file = fileURLToPath(threadsFile());
    const child = fork(file, ["handler-process"], { serialization: "advanced" });
    this.#child = child;
    this.#exited = once(child, "exit").catch(() => {});
    let thrown: Error | null = null;
    child.on("message", (message) => {
      // the other side sends nothing else
      const received = message as FromProcess;
      if (received.type === "ended") thrown = errorOf(received.error);
      else listener.message(received);
    });
    // it could not be started, or a message could not be sent: its end follows, or has been reported
    child.on("error", (error: Error) => {
      thrown ??= error;
      if (child.pid === undefined) listener.ended(new UnstartedError(error));
    });
    child.on("exit", (code: number | null, signal: string | null) => {
      listener.ended(
        thrown ?? new Error(`the handler's process ended with ${signal ?? `exit code ${code}`}`),
      );
    });
  }

  post(message: ToThread): void {
    if (this.#child.connected) this.#child.send(message);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  hold(isHeld: boolean): void {
    if (isHeld) this.#child.ref();
    else this.#child.unref();
    const { channel } = this.#child;
    if (isHeld) channel?.ref();
    else channel?.unref();
  }
}
