/** A child process that is asked and answers over IPC. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";

type Reply = Readonly<Record<string, unknown>> & { readonly type: string };

export class Child {
  readonly #process: ChildProcess;
  readonly #seen: Reply[] = [];
  readonly #waiting: { readonly type: string; readonly resolve: (reply: Reply) => void }[] = [];

  constructor(file: string, args: readonly string[], execArgv: readonly string[] = []) {
    this.#process = fork(join(import.meta.dirname, file), [...args], {
      execArgv: [...execArgv],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#process.on("message", (reply: Reply) => {
      const at = this.#waiting.findIndex((entry) => entry.type === reply.type);
      if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(reply);
      else this.#seen.push(reply);
    });
  }

  /** The next reply of that type; rejects after `limitMs`. */
  next(type: string, limitMs = 60_000): Promise<Reply> {
    const at = this.#seen.findIndex((reply) => reply.type === type);
    if (at >= 0) return Promise.resolve(this.#seen.splice(at, 1)[0]!);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`Cannot go on: no "${type}" within ${limitMs} ms`)), limitMs);
      this.#waiting.push({ type, resolve: (reply) => (clearTimeout(timer), resolve(reply)) });
    });
  }

  ask(question: Readonly<Record<string, unknown>>, replyType: string, limitMs?: number): Promise<Reply> {
    const reply = this.next(replyType, limitMs);
    this.#process.send(question);
    return reply;
  }

  async cpuUs(): Promise<number> {
    return Number((await this.ask({ type: "cpu" }, "cpu"))["cpuUs"]);
  }

  /** Ends it in good order, or after two seconds without asking. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) return resolve();
      const timer = setTimeout(() => this.#process.kill("SIGKILL"), 2000);
      this.#process.on("exit", () => (clearTimeout(timer), resolve()));
      if (this.#process.connected) this.#process.send({ type: "stop" });
    });
  }
}
