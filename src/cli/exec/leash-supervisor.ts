/**
 * The supervisor's work: starts commands in process groups of their own, ends them by their schedules, and
 * reports how they ended. Leaves the pipe to leash.ts, the times to leash-schedule.ts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, openSync, writeSync } from "node:fs";
import { type Instant, LeashClock } from "./leash-clock.ts";
import type { FromLeash, ToLeash } from "./leash-messages.ts";
import { LeashSchedule } from "./leash-schedule.ts";

/**
 * Longest sleep while commands run: the wall clock is looked at so often, for machines that were suspended.
 */
const TICK_MS = 250;
/** How often a group whose first process has ended is looked at until it is empty. */
const GROUP_POLL_MS = 20;

type Start = Extract<ToLeash, { type: "start" }>;

interface Command {
  readonly key: string;
  readonly schedule: LeashSchedule;
  /** Waits its turn to be started. */
  start: Start | undefined;
  child: ChildProcess | undefined;
  /** Set once the group's first process has ended. */
  ended:
    | { readonly code: number | null; readonly signal: string | null; readonly stopped: boolean }
    | undefined;
}

export class Supervisor {
  readonly #clock = new LeashClock();
  readonly #commands = new Map<string, Command>();
  readonly #unstarted: Command[] = [];
  readonly #send: (message: FromLeash) => void;
  readonly #onIdle: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStarting = false;
  #isOrphan = false;

  /** `onIdle` is called when the peer is gone and nothing runs any more. */
  constructor(send: (message: FromLeash) => void, onIdle: () => void) {
    this.#send = send;
    this.#onIdle = onIdle;
  }

  receive(message: ToLeash): void {
    this.#clock.heard(message, now().monoMs);
    switch (message.type) {
      case "hello":
        return;
      case "start":
        this.#queue(message);
        break;
      case "deadline":
        for (const [key, remainingMs] of message.renewed) {
          this.#commands.get(key)?.schedule.renew(this.#clock.deadline(message, remainingMs));
        }
        break;
      case "stop":
        this.#stop(this.#commands.get(message.key), message.graceMs);
        break;
      default:
        message satisfies never;
    }
    this.#turn();
  }

  /** The pipe has closed: the peer is gone, and so is its right to run anything. */
  orphaned(): void {
    this.#isOrphan = true;
    for (const command of this.#commands.values()) this.#stop(command, command.schedule.graceMs);
    this.#turn();
  }

  #queue(start: Start): void {
    const deadline = this.#clock.deadline(start, start.remainingMs);
    const schedule = new LeashSchedule(deadline, start.graceMs);
    const command: Command = { key: start.key, schedule, start, child: undefined, ended: undefined };
    this.#commands.set(start.key, command);
    this.#unstarted.push(command);
    this.#startNext();
  }

  /** One a turn: starting takes milliseconds, and the others' deadlines must not wait for all of them. */
  #startNext(): void {
    if (this.#isStarting) return;
    const next = this.#unstarted.shift();
    if (next === undefined) return;
    this.#isStarting = true;
    setImmediate(() => {
      this.#isStarting = false;
      this.#start(next);
      this.#turn();
      this.#startNext();
    });
  }

  #start(command: Command): void {
    const start = command.start;
    command.start = undefined;
    if (start === undefined) return;
    if (command.schedule.due(now()) !== "none" || command.schedule.stopping) {
      this.#report(command, { code: null, signal: null, stopped: true });
      return;
    }
    try {
      const child = spawnCommand(start);
      command.child = child;
      child.on("error", (error) => {
        if (child.pid === undefined) this.#report(command, neverStarted(error.message));
      });
      child.on("exit", (code, signal) => {
        command.ended = { code, signal, stopped: command.schedule.stopping };
        this.#settle(command);
      });
      if (child.pid !== undefined) this.#send({ type: "started", key: command.key, pid: child.pid });
    } catch (error) {
      this.#report(command, neverStarted(error instanceof Error ? error.message : String(error)));
    }
  }

  #stop(command: Command | undefined, graceMs: number): void {
    if (command === undefined) return;
    const isFirst = !command.schedule.stopping;
    command.schedule.stop(graceMs, now());
    if (isFirst) this.#signal(command, "SIGTERM");
  }

  /** What a command leaves behind in its group ends with it; only then is its end reported. */
  #settle(command: Command): void {
    if (command.ended === undefined || !this.#commands.has(command.key)) return;
    if (!command.schedule.killed && isGroupAlive(command)) {
      this.#stop(command, command.schedule.graceMs);
      setTimeout(() => this.#settle(command), GROUP_POLL_MS);
      return;
    }
    if (command.schedule.killed) this.#signal(command, "SIGKILL");
    this.#report(command, command.ended);
  }

  #report(command: Command, end: Omit<Extract<FromLeash, { type: "exit" }>, "type" | "key">): void {
    if (!this.#commands.delete(command.key)) return;
    this.#send({ type: "exit", key: command.key, ...end });
    this.#turn();
  }

  /** Sends what is due and sleeps until the next is. */
  #turn(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const at = now();
    let waitMs = TICK_MS;
    for (const command of this.#commands.values()) {
      const due = command.schedule.due(at);
      if (due === "term") this.#signal(command, "SIGTERM");
      if (due === "kill") this.#signal(command, "SIGKILL");
      waitMs = Math.min(waitMs, command.schedule.waitMs(at));
    }
    if (this.#commands.size > 0) this.#timer = setTimeout(() => this.#turn(), Math.ceil(waitMs));
    else if (this.#isOrphan) this.#onIdle();
  }

  #signal(command: Command, signal: "SIGTERM" | "SIGKILL"): void {
    const pid = command.child?.pid;
    if (pid === undefined) return;
    signalGroup(pid, signal);
    // A stopped process acts on SIGTERM only once it goes on.
    if (signal === "SIGTERM") signalGroup(pid, "SIGCONT");
  }
}

/** Signals a whole process group; one that is gone already is no error. Returns whether it was there. */
export function signalGroup(pid: number, signal: "SIGTERM" | "SIGKILL" | "SIGCONT" | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === "EPERM";
  }
}

function isGroupAlive(command: Command): boolean {
  return command.child?.pid !== undefined && signalGroup(command.child.pid, 0);
}

function neverStarted(error: string): { code: null; signal: null; stopped: false; error: string } {
  return { code: null, signal: null, stopped: false, error };
}

function now(): Instant {
  return { monoMs: performance.now(), wallMs: Date.now() };
}

function spawnCommand(start: Start): ChildProcess {
  const out = openOutput(start.out, start.header);
  try {
    const err = openOutput(start.err, start.header);
    try {
      const [command = "", ...args] = start.argv;
      return spawn(command, args, {
        cwd: start.cwd,
        env: { ...process.env, ...start.env },
        detached: true,
        stdio: ["ignore", out, err],
      });
    } finally {
      closeSync(err);
    }
  } finally {
    closeSync(out);
  }
}

/** Appends, and follows no symbolic link: the directory may be one that everyone can write to. */
function openOutput(path: string, header: string): number {
  const flags = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW;
  const fd = openSync(path, flags, 0o600);
  writeSync(fd, `${header}\n`);
  return fd;
}
