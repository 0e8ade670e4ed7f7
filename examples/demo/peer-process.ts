/** A `stolos peer` as a child process on a given runtime, with its events as they come. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export type Runtime = "node" | "bun" | "deno";

/** A line of `stolos peer --json`. */
export interface PeerEvent {
  readonly event: string;
  readonly node?: string;
  readonly addresses?: readonly string[];
  /** With --http. */
  readonly http?: string;
  readonly task?: string;
  readonly fence?: string;
  readonly attempt?: number;
  readonly reason?: string;
  readonly members?: number;
  readonly epoch?: number;
}

export interface PeerProcessOptions {
  readonly runtime: Runtime;
  /** A `stolos` that is one file, run in place of the sources on `runtime`. */
  readonly binary?: string | undefined;
  /** What follows `stolos peer --json`. */
  readonly args: readonly string[];
  /** Put before the whole command line, such as `ip netns exec a`. */
  readonly prefix?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly onEvent?: (event: PeerEvent) => void;
}

const projectPath = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The command line that runs a TypeScript file of the project on a runtime of its node_modules. */
export function commandOn(runtime: Runtime, file: string, args: readonly string[]): string[] {
  const binary = projectPath(`node_modules/.bin/${runtime}`);
  return [binary, ...(runtime === "deno" ? ["run", "-A"] : []), projectPath(file), ...args];
}

export class PeerProcess implements AsyncDisposable {
  readonly runtime: Runtime;
  readonly child: ChildProcess;
  readonly events: PeerEvent[] = [];
  readonly #exited: Promise<void>;
  readonly #waiting = new Set<() => void>();

  constructor(options: PeerProcessOptions) {
    this.runtime = options.runtime;
    const own = ["peer", "--json", "--log", "warn", ...options.args];
    const { binary, runtime, prefix = [] } = options;
    const peer = binary === undefined ? commandOn(runtime, "src/cli/main.ts", own) : [binary, ...own];
    const [command = "", ...args] = [...prefix, ...peer];
    const env = { ...process.env, ...options.env };
    this.child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"], env });
    this.#exited = new Promise((resolve) => {
      this.child.once("exit", () => resolve());
      this.child.once("error", () => resolve());
    });
    this.#exited.then(() => this.#wake());
    if (this.child.stdout === null) throw new Error(`Cannot read the output of ${command}`);
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      const event = JSON.parse(line) as PeerEvent;
      this.events.push(event);
      options.onEvent?.(event);
      this.#wake();
    });
  }

  get isRunning(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** The first event, past or to come, that fits. Rejects when the peer ends before, or after `withinMs`. */
  async event(fits: (event: PeerEvent) => boolean, withinMs = 60_000): Promise<PeerEvent> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const found = this.events.find(fits);
      if (found !== undefined) return found;
      const leftMs = deadline - performance.now();
      if (!this.isRunning || leftMs <= 0) {
        const why = this.isRunning ? `not seen within ${withinMs} ms` : "the peer has ended";
        throw new Error(`Cannot wait for an event of the ${this.runtime} peer: ${why}`);
      }
      await this.#next(leftMs);
    }
  }

  async addresses(): Promise<readonly string[]> {
    return (await this.event((event) => event.event === "listening")).addresses ?? [];
  }

  async ready(withinMs = 60_000): Promise<PeerEvent> {
    return await this.event((event) => event.event === "ready", withinMs);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.isRunning) this.child.kill(signal);
  }

  /** Resolves when the process has ended. */
  get exited(): Promise<void> {
    return this.#exited;
  }

  /** SIGTERM, and SIGKILL to one that takes longer than `withinMs`. */
  async stop(withinMs = 30_000): Promise<void> {
    this.signal("SIGCONT");
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), withinMs);
    await this.#exited;
    clearTimeout(timer);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(3000);
  }

  async #next(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    this.#waiting.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
  }
}
