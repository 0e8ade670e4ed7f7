/**
 * The supervisor's decisions: starts commands, ends them by their schedules, and reports that one has ended
 * when its first process has and nothing of its group lives, never before. Leaves the pipe to leash.ts, the
 * times to leash-schedule.ts, processes to command-process.ts and process-group.ts.
 */
import type { Environment, TimerHandle } from "../../base/environment.ts";
import { SenderClock } from "../../base/sender-clock.ts";
import type { CommandListener } from "./command-process.ts";
import type { CommandEnd, FromLeash, LeashStart, ToLeash } from "./leash-messages.ts";
import { LeashSchedule } from "./leash-schedule.ts";
import { type Groups, type Life, lingering } from "./process-group.ts";

/**
 * Longest sleep while commands run: the clock is looked at so often, for machines that were suspended.
 */
const TICK_MS = 250;
/** How often a group that should be empty is looked at: at first, when that takes long, and after SIGKILL. */
const LOOK_MIN_MS = 20;
const LOOK_MAX_MS = 250;
const LOOK_KILLED_MAX_MS = 1000;
/** A group that lives so long after SIGKILL is worth a word. */
const LINGERING_MS = 1000;

interface Command {
  readonly start: LeashStart;
  readonly schedule: LeashSchedule;
  /** Its process group, once it was started. */
  group: number | null;
  output: Parameters<CommandListener["started"]>[1];
  /** How its first process ended, once it has. */
  exit: CommandEnd | null;
  /** Lease clock; Infinity before SIGKILL was due. */
  killedMs: number;
  /** What was said last of why it lives on. */
  saidWhy: string;
}

export interface LeashSupervisorOptions {
  readonly environment: Environment;
  readonly groups: Groups;
  readonly startCommand: (start: LeashStart, listener: CommandListener) => void;
  readonly send: (message: FromLeash) => void;
  /** The peer is gone and nothing runs any more. */
  readonly onIdle: () => void;
}

export class LeashSupervisor {
  readonly #options: LeashSupervisorOptions;
  readonly #clock: SenderClock;
  readonly #commandByKey = new Map<string, Command>();
  readonly #unstarted: Command[] = [];
  #timer: TimerHandle | undefined;
  #isStarting = false;
  #isOrphan = false;
  /** Commands that have ended and whose output is not in its files yet. */
  #finishingCount = 0;
  #lookEveryMs = LOOK_MIN_MS;
  #lookedMs = -Infinity;

  constructor(options: LeashSupervisorOptions) {
    this.#options = options;
    this.#clock = new SenderClock(options.environment);
  }

  receive(message: ToLeash): void {
    this.#clock.heard(message);
    switch (message.type) {
      case "hello":
        return;
      case "start":
        this.#queue(message, this.#clock.deadlineMs(message));
        break;
      case "renewed":
        for (const [key, remainingMs] of message.leases) {
          const endMs = this.#clock.deadlineMs({ sentMs: message.sentMs, remainingMs });
          this.#commandByKey.get(key)?.schedule.renew(endMs);
        }
        break;
      case "stop": {
        const command = this.#commandByKey.get(message.key);
        const { sentMs, graceMs } = message;
        if (command) this.#stop(command, this.#clock.deadlineMs({ sentMs, remainingMs: graceMs }));
        break;
      }
      default:
        message satisfies never;
    }
    this.#turn();
  }

  /** The pipe has closed: the peer is gone, and so is its right to run anything. */
  orphaned(): void {
    this.#isOrphan = true;
    for (const command of this.#commandByKey.values()) this.#stop(command, this.#endWithMargin(command));
    this.#turn();
  }

  #queue(start: LeashStart, deadlineMs: number): void {
    const schedule = new LeashSchedule(deadlineMs, start.marginMs);
    const unstarted = { group: null, output: undefined, exit: null, killedMs: Infinity, saidWhy: "" };
    const command: Command = { start, schedule, ...unstarted };
    this.#commandByKey.set(start.key, command);
    this.#unstarted.push(command);
    this.#startNext();
  }

  /** One a turn: starting takes milliseconds, and the others' deadlines must not wait for all of them. */
  #startNext(): void {
    if (this.#isStarting || this.#unstarted.length === 0) return;
    this.#isStarting = true;
    this.#options.environment.setImmediate(() => {
      this.#isStarting = false;
      const next = this.#unstarted.shift();
      if (next) this.#start(next);
      this.#turn();
      this.#startNext();
    });
  }

  #start(command: Command): void {
    const { start, schedule } = command;
    const mayStart = (): boolean => schedule.mayStart(this.#clock.nowMs());
    if (!mayStart()) return this.#report(command, { type: "withheld" });
    this.#options.startCommand(start, {
      mayStart,
      started: (group, output) => {
        command.group = group;
        command.output = output;
        this.#options.send({ type: "started", key: start.key, group });
      },
      exited: (code, signal) => {
        command.exit = { type: "exit", code, signal, stopped: schedule.stopping };
        this.#lookSoon();
        this.#turn();
      },
      failed: (end) => {
        this.#report(command, end);
        this.#turn();
      },
      outputLost: (why) => this.#options.send({ type: "outputLost", key: start.key, why }),
    });
  }

  #endWithMargin({ start: { marginMs } }: Command): number {
    return this.#clock.nowMs() + marginMs;
  }

  #stop(command: Command, endMs: number): void {
    const isFirst = !command.schedule.stopping;
    command.schedule.stop(endMs);
    if (isFirst) this.#terminate(command);
  }

  #terminate(command: Command): void {
    const { group } = command;
    if (group === null) return this.#withhold(command);
    const { groups } = this.#options;
    const delivery = groups.signal(group, "SIGTERM");
    // A stopped process acts on SIGTERM only once it goes on.
    groups.signal(group, "SIGCONT");
    if (delivery === "refused") this.#notify(command, lingering(group, "foreign"));
  }

  /** One that waits for its turn: its peer need not wait for it too, nor take this supervisor for dead. */
  #withhold(command: Command): void {
    const at = this.#unstarted.indexOf(command);
    if (at < 0) return;
    this.#unstarted.splice(at, 1);
    this.#report(command, { type: "withheld" });
  }

  #lookSoon(): void {
    this.#lookEveryMs = LOOK_MIN_MS;
    this.#lookedMs = -Infinity;
  }

  /** Sends what is due, looks at groups that should be empty, and sleeps until there is more to do. */
  #turn(): void {
    const { environment } = this.#options;
    environment.clearTimeout(this.#timer);
    this.#timer = undefined;
    const nowMs = this.#clock.nowMs();
    const ending: Command[] = [];
    for (const command of this.#commandByKey.values()) {
      const due = command.schedule.due(nowMs);
      if (due === "term") this.#terminate(command);
      if (due === "kill") this.#kill(command, nowMs);
      if (command.group !== null && (command.exit || command.schedule.killed)) ending.push(command);
    }
    let waitMs = TICK_MS;
    if (ending.length > 0) waitMs = Math.min(waitMs, this.#look(ending, nowMs));
    for (const { schedule } of this.#commandByKey.values()) waitMs = Math.min(waitMs, schedule.waitMs(nowMs));
    if (this.#commandByKey.size > 0) {
      this.#timer = environment.setTimeout(() => this.#turn(), Math.ceil(waitMs));
    } else if (this.#isOrphan && this.#finishingCount === 0) this.#options.onIdle();
  }

  #kill(command: Command, nowMs: number): void {
    command.killedMs = nowMs;
    if (command.group === null) return this.#withhold(command);
    this.#options.groups.signal(command.group, "SIGKILL");
    this.#lookSoon();
  }

  /** Returns how long until the next look. */
  #look(ending: readonly Command[], nowMs: number): number {
    const dueMs = this.#lookedMs + this.#lookEveryMs;
    if (nowMs < dueMs) return dueMs - nowMs;
    const living = this.#options.groups.living(ending.flatMap(({ group }) => group ?? []));
    for (const command of ending) {
      const { group } = command;
      const life = group === null ? undefined : living.get(group);
      if (group !== null && life) this.#endRest(command, group, life);
      else if (command.exit) this.#report(command, command.exit);
    }
    this.#lookedMs = this.#clock.nowMs();
    const lookEveryMs = this.#lookEveryMs;
    const maxMs = ending.every(({ schedule }) => schedule.killed) ? LOOK_KILLED_MAX_MS : LOOK_MAX_MS;
    this.#lookEveryMs = Math.min(maxMs, lookEveryMs * 2);
    return lookEveryMs;
  }

  /** What a command leaves behind in its group ends with it. */
  #endRest(command: Command, group: number, life: Life): void {
    const { schedule } = command;
    if (!schedule.stopping) return this.#stop(command, this.#endWithMargin(command));
    if (!schedule.killed) return;
    this.#options.groups.signal(group, "SIGKILL");
    const isLate = this.#clock.nowMs() - command.killedMs >= LINGERING_MS;
    if (life === "foreign" || isLate) this.#notify(command, lingering(group, life));
  }

  #notify(command: Command, why: string): void {
    if (why === command.saidWhy) return;
    command.saidWhy = why;
    this.#options.send({ type: "lingers", key: command.start.key, why });
  }

  #report(command: Command, end: CommandEnd): void {
    const { start: { key }, output } = command;
    if (!this.#commandByKey.delete(key)) return;
    if (!output || end.type !== "exit") return this.#options.send({ type: "ended", key, end });
    this.#finishingCount++;
    void output.finish().then((stderr) => {
      this.#finishingCount--;
      this.#options.send({ type: "ended", key, end: { ...end, stderr } });
      this.#turn();
    });
  }
}
