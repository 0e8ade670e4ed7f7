/**
 * The peer's end of one leash supervisor: starts it, sends it commands and what is left of each renewed
 * lease, and stands in for it when it dies or hangs. Then it ends the commands' groups itself, and reports
 * their ends when it has seen that nothing of them lives. Which supervisor a command gets is the pool's
 * business (leash-pool.ts). What remains uncovered: peer and supervisor killed or stopped at the same time.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { isSingleBinary, ownFile } from "../../base/own-file.ts";
import type { Stamp } from "../../base/sender-clock.ts";
import {
  type CommandEnd,
  type FromLeash,
  LEASH_COMMAND,
  type LeashStart,
  lineParser,
  type ToLeash,
} from "./leash-messages.ts";
import { groupsWith, lingering, systemGroups } from "./process-group.ts";

/** A command to run. */
export interface LeashCommand {
  /** Its task: the same in every attempt. */
  readonly task: string;
  readonly start: LeashStart;
  /** What is left of the lease now; asked anew whenever it is sent. */
  readonly remainingMs: () => number;
  /** It was signalled and lives on: why. */
  readonly onLingering: (why: string) => void;
  /** Some of its output could not be written: why. */
  readonly onOutputLost?: (why: string) => void;
}

export interface LeashedCommand {
  /** Never rejects. */
  readonly end: Promise<CommandEnd>;
  /** Its lease was renewed. */
  renew(): void;
  /** SIGTERM now, SIGKILL before `graceMs` are over or the lease ends; again: sooner, never later. */
  stop(graceMs: number): void;
}

/** A supervisor that says nothing for so long after its start is none. */
const HELLO_MS = 10_000;
/** A supervisor that has not even said that it started a command is ended so long after it should have. */
const SILENT_MS = 2000;
/** A stop that ends a command no sooner than this is the same as the one before. */
const SOONER_MS = 5;
/** How often a group is looked at that is ended from here: at first, and when that takes long. */
const LOOK_MIN_MS = 25;
const LOOK_MAX_MS = 1000;
/** A group that lives so long after SIGKILL is worth a word. */
const LINGERING_MS = 1000;
/** A command that was being started when its supervisor died may come to life only now. */
const SEARCHES_MS = [0, 50, 200];

const KILLED: CommandEnd = { type: "exit", code: null, signal: "SIGKILL", stopped: true };

interface Run {
  readonly command: LeashCommand;
  readonly resolve: (end: CommandEnd) => void;
  /** It was sent to the supervisor. */
  isSent: boolean;
  /** When it must have ended since it was stopped, monotonic; Infinity before that. */
  endMs: number;
  /** The supervisor has signalled it and said why it lives on. */
  isLingering: boolean;
  group: number | null;
  backstop: ReturnType<typeof setTimeout> | undefined;
}

export interface LeashClientOptions {
  /** The supervisor is dead; what it ran is ended now, in the order of the starts. */
  readonly onDeath: (orphans: readonly LeashCommand[]) => void;
}

export class LeashClient {
  readonly #options: LeashClientOptions;
  readonly #child: ChildProcess | null;
  readonly #gone: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #runByKey = new Map<string, Run>();
  readonly #renewed = new Set<Run>();
  #isHeard = false;
  #isClosed = false;
  #isDead = false;
  #flush: ReturnType<typeof setImmediate> | undefined;
  #helloTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: LeashClientOptions) {
    this.#options = options;
    this.#child = this.#open();
  }

  /** Process id of the supervisor; undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the supervisor has gone, and nothing that it ran lives. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** It takes no more commands. */
  get isOver(): boolean {
    return this.#isClosed || this.#isDead;
  }

  run(command: LeashCommand): LeashedCommand {
    const { promise, resolve } = Promise.withResolvers<CommandEnd>();
    const flags = { isSent: false, endMs: Infinity, isLingering: false };
    const run: Run = { command, resolve, ...flags, group: null, backstop: undefined };
    if (this.isOver || this.#runByKey.has(command.start.key)) {
      const error = this.isOver ? "its leash is closed" : `${command.start.key} is running already`;
      resolve({ type: "trouble", error });
    } else {
      this.#runByKey.set(command.start.key, run);
      if (this.#isHeard) this.#start(run);
    }
    return {
      end: promise,
      renew: () => this.#renew(run),
      stop: (graceMs) => this.#stop(run, graceMs),
    };
  }

  /** Closes the pipe: whatever still runs is ended. */
  close(): void {
    this.#isClosed = true;
    this.#child?.stdin?.end();
  }

  /** From now on this process does not wait for the supervisor. */
  abandon(): void {
    this.#child?.unref();
    this.#child?.stdout?.destroy();
  }

  #start(run: Run): void {
    const { start } = run.command;
    const sentMs = performance.now();
    const remainingMs = remainingMsOf(run);
    if (remainingMs <= start.marginMs) return this.#settle(run, { type: "withheld" });
    run.isSent = true;
    this.#send({ type: "start", sentMs, ...start, remainingMs });
  }

  #renew(run: Run): void {
    this.#renewed.add(run);
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      const runs = [...this.#renewed].filter((each) => each.isSent && this.#isPresent(each));
      this.#renewed.clear();
      const sentMs = performance.now();
      const leases = runs.map((run): [string, number] => [run.command.start.key, remainingMsOf(run)]);
      if (leases.length > 0) this.#send({ type: "renewed", sentMs, leases });
    });
  }

  #stop(run: Run, graceMs: number): void {
    if (!this.#isPresent(run)) return;
    if (!run.isSent) return this.#settle(run, { type: "withheld" });
    const sentMs = performance.now();
    const leftMs = Math.min(graceMs, remainingMsOf(run));
    if (sentMs + leftMs > run.endMs - SOONER_MS) return;
    run.endMs = sentMs + leftMs;
    this.#send({ type: "stop", sentMs, key: run.command.start.key, graceMs: leftMs });
    clearTimeout(run.backstop);
    run.backstop = setTimeout(() => void this.#standIn(run), leftMs);
  }

  /** The supervisor does not do its work: it is done from here. */
  async #standIn(run: Run): Promise<void> {
    if (run.group === null) {
      run.backstop = setTimeout(() => this.#child?.kill("SIGKILL"), SILENT_MS);
      return;
    }
    const isOver = (): boolean => run.isLingering || !this.#isPresent(run);
    await endGroup(run.group, run.command.onLingering, isOver);
    if (!isOver()) this.#settle(run, KILLED);
  }

  #isPresent(run: Run): boolean {
    return this.#runByKey.get(run.command.start.key) === run;
  }

  #send(message: ToLeash & Stamp): void {
    this.#child?.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  #open(): ChildProcess | null {
    try {
      // Detached: a terminal's Ctrl-C asks the peer to drain, and must not reach the commands by another way.
      const child = spawn(process.execPath, leashArguments(), {
        detached: true,
        stdio: ["pipe", "pipe", "inherit"],
      });
      const parse = lineParser<FromLeash>((message) => this.#receive(message));
      child.stdout?.on("data", parse);
      child.stdin?.on("error", () => {});
      child.on("error", (error) => {
        if (child.pid === undefined) this.#died(`cannot be started: ${codeOf(error)}`);
      });
      // What it said last is read before that.
      child.on("close", (code, signal) => this.#died(`has ended (${signal ?? `exit code ${code}`})`));
      this.#helloTimer = setTimeout(() => child.kill("SIGKILL"), HELLO_MS);
      return child;
    } catch (error) {
      queueMicrotask(() => this.#died(`cannot be started: ${codeOf(error)}`));
      return null;
    }
  }

  #receive(message: FromLeash): void {
    if (message.type === "hello") {
      this.#isHeard = true;
      clearTimeout(this.#helloTimer);
      this.#send({ type: "hello", sentMs: performance.now() });
      for (const run of [...this.#runByKey.values()]) this.#start(run);
      return;
    }
    const run = this.#runByKey.get(message.key);
    if (!run) return;
    switch (message.type) {
      case "started":
        run.group = message.group;
        return;
      case "lingers":
        run.isLingering = true;
        return run.command.onLingering(message.why);
      case "outputLost":
        return run.command.onOutputLost?.(message.why);
      case "ended":
        return this.#settle(run, message.end);
      default:
        message satisfies never;
    }
  }

  /** Its commands have no leash, so they are ended from here. */
  #died(how: string): void {
    if (this.#isDead) return;
    this.#isDead = true;
    clearTimeout(this.#helloTimer);
    const runs = [...this.#runByKey.values()];
    this.#options.onDeath(runs.filter(({ isSent }) => isSent).map(({ command }) => command));
    const ends = runs.map((run) => this.#endOrphan(run, `its leash supervisor ${how}`));
    void Promise.all(ends).then(() => this.#gone.resolve());
  }

  async #endOrphan(run: Run, error: string): Promise<void> {
    clearTimeout(run.backstop);
    if (!run.isSent) return this.#settle(run, { type: "trouble", error });
    const { start, onLingering } = run.command;
    const groups = run.group !== null ? [run.group] : await startedWith(start.env);
    const isOver = (): boolean => !this.#isPresent(run);
    await Promise.all(groups.map((group) => endGroup(group, onLingering, isOver)));
    this.#settle(run, run.endMs < Infinity ? KILLED : { type: "orphaned", error });
  }

  #settle(run: Run, end: CommandEnd): void {
    if (!this.#isPresent(run)) return;
    clearTimeout(run.backstop);
    this.#runByKey.delete(run.command.start.key);
    run.resolve(end);
  }
}

/** A number that JSON knows, however long ago it has ended. */
function remainingMsOf({ command }: Run): number {
  return Math.max(0, command.remainingMs());
}

/** The supervisor died before it could say which group it started: the environment shows it. */
async function startedWith(env: Readonly<Record<string, string>>): Promise<number[]> {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  for (const waitMs of SEARCHES_MS) {
    await delay(waitMs);
    const groups = groupsWith(variables);
    if (groups.length > 0) return groups;
  }
  return [];
}

/** Resolves when nothing of it lives, or `isOver`. */
async function endGroup(
  group: number,
  onLingering: (why: string) => void,
  isOver: () => boolean,
): Promise<void> {
  const startMs = performance.now();
  let saidWhy = "";
  for (let lookMs = LOOK_MIN_MS; !isOver(); lookMs = Math.min(LOOK_MAX_MS, lookMs * 2)) {
    const life = systemGroups.living([group]).get(group);
    if (!life) return;
    systemGroups.signal(group, "SIGKILL");
    const why = lingering(group, life);
    if ((life === "foreign" || performance.now() - startMs > LINGERING_MS) && why !== saidWhy) {
      saidWhy = why;
      onLingering(why);
    }
    await delay(lookMs);
  }
}

/** What the runtime starts a supervisor with; in a bundle that is this program itself: the command line. */
function leashArguments(): string[] {
  if (isSingleBinary()) return [LEASH_COMMAND];
  const own = ownFile("src/cli/exec/leash.ts");
  const program = own ? [fileURLToPath(own)] : [process.argv[1] ?? "", LEASH_COMMAND];
  return "deno" in process.versions ? ["run", "-A", "--no-config", ...program] : program;
}

function codeOf(error: unknown): string {
  const { code } = error as { code?: unknown };
  return typeof code === "string" ? code : String(error);
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
