/**
 * The oracle's own idea of what chosen operations, commands among them, do to the tasks of a partition.
 * Written apart from the protocol's state machine, so that a mistake there shows as a difference.
 */
import type {
  AgreedRetention,
  Ballot,
  Operation,
  SessionId,
  Settlement,
  TaskMessage,
  TaskRecord,
  TaskRequest,
  TaskSpec,
  Wake,
} from "../protocol/model/types.ts";

export interface ChosenTask {
  readonly spec: TaskSpec;
  state: string;
  session: SessionId | null;
  fence: number;
  attempt: number;
  wakeAtMs: number;
  readonly errors: { readonly atMs: number }[];
  result: Uint8Array | null;
  checkpoint: Uint8Array | null;
  progress: Uint8Array | null;
  /** The newest that the holder reported under the present fence, by kind. */
  newest: { checkpoint: number; progress: number };
  /** Commands that wait for the holder, and the ids of all. */
  readonly line: { readonly no: number; readonly message: TaskMessage }[];
  readonly commandIds: number[];
  startedAtMs: number;
  /** When its time is over, Infinity = never; number of the entry that says so to its holder, 0 = none. */
  readonly overAtMs: number;
  toldOver: number;
  failedBecause: string;
  /** Since it last showed that it kills no node. */
  deaths: Death[];
  /** Since the last death, or for ever: how long its attempts have run that ended. */
  livedMs: number;
  lapseCount: number;
}

/** A lapse that counts. */
export interface Death {
  readonly atMs: number;
  readonly session: SessionId;
  readonly isYoung: boolean;
}

/** What an operation did. */
export interface Change {
  readonly ids: readonly string[];
  /** The operation leased a task, settled one for good, or took leases back. */
  readonly kind:
    | "none"
    | "submitted"
    | "leased"
    | "settled"
    | "commanded"
    | "reverted"
    | "purged"
    /** A client had an end forgotten, or the task run anew. */
    | "forgotten"
    | "retried"
    | "expired"
    | "absolved";
}

const NO_CHANGE: Change = { ids: [], kind: "none" };

export class ChosenState {
  readonly tasks: Map<string, ChosenTask> = new Map();
  /** Null as long as nobody said anything. */
  retention: AgreedRetention | null = null;
  readonly #condemned: Map<string, number> = new Map();
  /** Forgotten at a client's word, and the submits that had made them. */
  readonly #forgotten: Map<string, number> = new Map();

  copy(): ChosenState {
    const copy = new ChosenState();
    for (const [id, task] of this.tasks) {
      const { errors, line, commandIds, deaths } = task;
      const lists = {
        errors: [...errors],
        line: [...line],
        commandIds: [...commandIds],
        deaths: [...deaths],
      };
      copy.tasks.set(id, { ...task, ...lists });
    }
    copy.retention = this.retention;
    for (const [id, cid] of this.#forgotten) copy.#forgotten.set(id, cid);
    for (const [owner, n] of this.#condemned) copy.#condemned.set(owner, n);
    return copy;
  }

  apply(index: number, op: Operation): Change {
    switch (op.type) {
      case "noop":
        return NO_CHANGE;
      case "submit":
        return this.#submit(op.spec, op.atMs);
      case "lease": {
        const task = this.tasks.get(op.id);
        if (!task || (task.state !== "pending" && task.state !== "sleeping")) return NO_CHANGE;
        if ((this.#condemned.get(ownerOf(op.session)) ?? 0) >= op.session.n) return NO_CHANGE;
        if (op.atMs >= task.overAtMs) return NO_CHANGE;
        Object.assign(task, {
          state: "leased",
          session: op.session,
          fence: index,
          attempt: task.attempt + 1,
          startedAtMs: op.atMs,
          newest: { checkpoint: 0, progress: 0 },
        });
        return { ids: [op.id], kind: "leased" };
      }
      case "settle":
        return this.#settle(op);
      case "command": {
        const task = this.tasks.get(op.id);
        const { cid, message, atMs } = op;
        if (message.type === "retain") return this.#retain(message.retention);
        if (!task || task.commandIds.includes(cid)) return NO_CHANGE;
        if (message.type === "retry" || message.type === "purge") {
          return this.#again(task, { no: index, cid, atMs }, message);
        }
        if (!commandTask(task, { no: index, cid, message, atMs })) return NO_CHANGE;
        return { ids: [op.id], kind: "commanded" };
      }
      case "condemn": {
        const owner = ownerOf(op.session);
        this.#condemned.set(owner, Math.max(op.session.n, this.#condemned.get(owner) ?? 0));
        return NO_CHANGE;
      }
      case "revert":
        return this.#revert(op);
      case "purge": {
        const ids = op.ids.filter((id) => isFinished(this.tasks.get(id) ?? { state: "none" }));
        for (const id of ids) this.tasks.delete(id);
        return { ids, kind: "purged" };
      }
      case "expire": {
        const task = this.tasks.get(op.id);
        if (!task || isFinished(task) || op.atMs < task.overAtMs || task.toldOver > 0) return NO_CHANGE;
        if (task.state === "leased") task.toldOver = index;
        else {
          expire(task);
          task.fence = index;
        }
        return { ids: [op.id], kind: "expired" };
      }
      case "alive":
        return this.#absolve(op);
      default:
        return op satisfies never;
    }
  }

  #absolve(life: { readonly node: number; readonly boot: number }): Change {
    const ids: string[] = [];
    for (const [id, task] of this.tasks) {
      if (isFinished(task)) continue;
      const rest = task.deaths.filter(({ session }) =>
        session.node !== life.node || session.boot !== life.boot
      );
      if (rest.length === task.deaths.length) continue;
      task.deaths = rest;
      ids.push(id);
    }
    return { ids, kind: "absolved" };
  }

  #retain(said: AgreedRetention): Change {
    const order = (each: AgreedRetention): number[] => [each.no, each.completedMs, each.failedMs];
    const [mine, theirs] = [this.retention ? order(this.retention) : [0, 0, 0], order(said)];
    const at = mine.findIndex((each, place) => each !== theirs[place]);
    if (at >= 0 && theirs[at]! > mine[at]!) this.retention = said;
    return NO_CHANGE;
  }

  /** Of the very end that was named, and of no other. */
  #again(
    task: ChosenTask,
    { no, cid, atMs }: { readonly no: number; readonly cid: number; readonly atMs: number },
    { type, fence }: Extract<TaskRequest, { readonly type: "retry" | "purge" }>,
  ): Change {
    const { id } = task.spec;
    const mayBe = type === "purge" ? isFinished(task) : task.state === "failed" || task.state === "killed";
    if (!mayBe || task.fence !== fence) return NO_CHANGE;
    if (type === "purge") {
      this.tasks.delete(id);
      this.#forgotten.set(id, task.spec.cid);
      return { ids: [id], kind: "forgotten" };
    }
    Object.assign(task, { state: "pending", fence: no, attempt: 0, wakeAtMs: 0 });
    Object.assign(task, { overAtMs: overAtMsOf(task.spec, atMs), toldOver: 0, failedBecause: "" });
    task.errors.length = 0;
    task.deaths = [];
    task.livedMs = 0;
    task.lapseCount = 0;
    task.commandIds.push(cid);
    return { ids: [id], kind: "retried" };
  }

  #submit(spec: TaskSpec, atMs: number): Change {
    if (this.tasks.has(spec.id) || this.#forgotten.get(spec.id) === spec.cid) return NO_CHANGE;
    const wakeAtMs = spec.delayMs > 0 ? atMs + spec.delayMs : spec.runAtMs;
    this.tasks.set(spec.id, {
      spec,
      state: wakeAtMs > atMs ? "sleeping" : "pending",
      session: null,
      fence: 0,
      attempt: 0,
      wakeAtMs,
      errors: [],
      result: null,
      checkpoint: null,
      progress: null,
      newest: { checkpoint: 0, progress: 0 },
      line: [],
      commandIds: [],
      startedAtMs: 0,
      overAtMs: overAtMsOf(spec, atMs),
      toldOver: 0,
      failedBecause: "",
      deaths: [],
      livedMs: 0,
      lapseCount: 0,
    });
    return { ids: [spec.id], kind: "submitted" };
  }

  #settle(op: Extract<Operation, { readonly type: "settle" }>): Change {
    const task = this.tasks.get(op.id);
    if (task?.state !== "leased" || task.fence !== op.fence) return NO_CHANGE;
    while (task.line.length > 0 && task.line[0]!.no <= op.upTo) task.line.shift();
    const { type } = op.settlement;
    if (type === "checkpoint" || type === "progress") {
      const isOvertaken = op.seq <= task.newest[type];
      if (!isOvertaken) task.newest[type] = op.seq;
      hasShown(task, type, op.atMs);
      if (isOvertaken) return { ids: [op.id], kind: "settled" };
    } else hasShown(task, type, op.atMs);
    if (task.toldOver > 0 && !GOES_ON.includes(type)) {
      expire(task);
      task.line.splice(0);
      return { ids: [op.id], kind: "expired" };
    }
    this.#end(task, op.settlement, op.atMs);
    carryOutLine(task, op.atMs);
    return { ids: [op.id], kind: "settled" };
  }

  #end(task: ChosenTask, settlement: Settlement, atMs: number): void {
    switch (settlement.type) {
      case "checkpoint":
        task.checkpoint = settlement.state;
        return;
      case "progress":
        task.progress = settlement.value;
        return;
      case "ack":
        return;
      case "decline":
        task.attempt -= 1;
        task.state = "pending";
        return;
      case "release":
        task.state = "pending";
        return;
      case "complete":
        task.result = settlement.result;
        task.state = "completed";
        return;
      case "sleep":
        return sleep(task, settlement, atMs);
      case "pause":
      case "kill":
        task.state = settlement.type === "pause" ? "paused" : "killed";
        return;
      case "fail":
        noteError(task, atMs);
        task.state = "failed";
        task.failedBecause = settlement.because;
        return;
      case "error":
        noteError(task, atMs);
        if (settlement.then) task.state = settlement.then === "pause" ? "paused" : "killed";
        else sleep(task, settlement, atMs);
        return;
      default:
        return settlement satisfies never;
    }
  }

  #revert({ session, atMs, heardAtMs, isDead }: Extract<Operation, { readonly type: "revert" }>): Change {
    const ids: string[] = [];
    const byFence = [...this.tasks].sort(([, a], [, b]) => a.fence - b.fence);
    for (const [id, task] of byFence) {
      const held = task.session;
      if (task.state !== "leased" || !held || ownerOf(held) !== ownerOf(session) || held.n > session.n) {
        continue;
      }
      const ranMs = heardAtMs === 0 ? undefined : heardAtMs - task.startedAtMs;
      loseNode(task, { atMs, ranMs, isDead });
      if (task.toldOver > 0 && !isFinished(task)) expire(task);
      carryOutLine(task, atMs);
      ids.push(id);
    }
    return { ids, kind: "reverted" };
  }
}

function overAtMsOf({ options }: TaskSpec, atMs: number): number {
  return options && options.expiresMs > 0 ? atMs + options.expiresMs : Infinity;
}

function ownerOf(session: SessionId): string {
  return `${session.node}:${session.boot}`;
}

export function isFinished(task: { readonly state: string }): boolean {
  return task.state === "completed" || task.state === "failed" || task.state === "killed";
}

// ---- nodes that die, time that is over --------------------------------------------------------------------

/** What an attempt reports while it goes on. */
const GOES_ON = ["checkpoint", "progress", "ack"];
const HARMLESS_AFTER_MS = 30_000;
const YOUNG_MS = 5000;
/** After the second death in succession, the third, and so on. */
const PAUSES_S = [95, 35, 35, 60, 300];

/** A checkpoint, or a long life, shows that the task kills no node. */
function hasShown(task: ChosenTask, type: string, atMs: number): void {
  if (type === "complete") return;
  const ranMs = Math.max(0, atMs - task.startedAtMs);
  if (type === "checkpoint" || task.livedMs + ranMs >= HARMLESS_AFTER_MS) task.deaths = [];
  if (type === "checkpoint") task.livedMs = Math.max(task.livedMs, HARMLESS_AFTER_MS);
  else if (type !== "decline" && !GOES_ON.includes(type)) task.livedMs += ranMs;
}

/** It had run for `ranMs` when its node was heard last. Two deaths are free, those after them are charged. */
function loseNode(
  task: ChosenTask,
  end: { atMs: number; ranMs: number | undefined; isDead: boolean },
): void {
  const { atMs, ranMs, isDead } = end;
  task.state = "pending";
  task.lapseCount++;
  const livedMs = task.livedMs + Math.max(0, ranMs ?? 0);
  task.livedMs = isDead ? 0 : livedMs;
  if (livedMs >= HARMLESS_AFTER_MS) {
    task.deaths = [];
    return;
  }
  if (!isDead) return;
  task.deaths.push({ atMs, session: task.session!, isYoung: ranMs !== undefined && ranMs < YOUNG_MS });
  const charged = task.deaths.length - 2;
  if (charged >= (task.spec.options?.lapsesMax ?? 5)) {
    task.state = "failed";
    task.failedBecause = "poison";
  } else if (charged >= 0) {
    task.state = "sleeping";
    task.wakeAtMs = atMs + 1000 * (PAUSES_S[charged] ?? 300);
  }
}

/** A second death in succession, and those after it, may be its doing. */
export function isOnProbation({ deaths }: ChosenTask): boolean {
  return deaths.length >= 2;
}

function expire(task: ChosenTask): void {
  task.state = "failed";
  task.failedBecause = "expired";
}

// ---- commands to a task, and how an attempt ends ----------------------------------------------------------

/** The last so many are kept. */
const ERRORS_MAX = 8;
/** A task without a limit of attempts fails at its eighth error within four hours. */
const RECENT_ERRORS_MAX = 8;
const RECENT_MS = 4 * 3_600_000;
const RETRY_MS = 600_000;

/** Carried out at once when nobody holds the task, else it waits in line. False: it changed nothing. */
function commandTask(
  task: ChosenTask,
  command: {
    readonly no: number;
    readonly cid: number;
    readonly message: TaskMessage;
    readonly atMs: number;
  },
): boolean {
  if (isFinished(task)) return false;
  task.commandIds.push(command.cid);
  if (task.state === "leased") task.line.push({ no: command.no, message: command.message });
  else {
    carryOut(task, command.message, command.atMs);
    // nobody's lease ended with it: the end is known by the command's place
    if (isFinished(task)) task.fence = command.no;
  }
  return true;
}

/** What waits in line is carried out, since nobody holds the task any more. */
function carryOutLine(task: ChosenTask, atMs: number): void {
  if (task.state === "leased") return;
  for (const { message } of task.line.splice(0)) if (!isFinished(task)) carryOut(task, message, atMs);
}

/** Written from Metafora's table as rules, apart from the protocol's (protocol/state/task-machine.ts). */
function carryOut(task: ChosenTask, message: TaskMessage, atMs: number): void {
  const { state } = task;
  const { type } = message;
  if (state === "paused" && (type === "error" || type === "complete")) return;
  if (state === "sleeping" && type === "complete") return;
  if (type === "run") task.state = "pending";
  if (type === "pause") task.state = "paused";
  if (type === "kill") task.state = "killed";
  if (type === "complete") task.state = "completed";
  if (type === "sleep") sleep(task, message, atMs);
  if (type === "error") fail(task, atMs);
}

function sleep(task: ChosenTask, wake: Wake, atMs: number): void {
  const untilMs = "forMs" in wake ? atMs + wake.forMs : wake.untilMs;
  task.state = untilMs > atMs ? "sleeping" : "pending";
  task.wakeAtMs = untilMs;
}

function fail(task: ChosenTask, atMs: number): void {
  const { attemptsMax } = task.spec;
  const own = [...task.errors];
  const failedCount = own.length === ERRORS_MAX ? task.attempt : own.length + 1;
  const recentCount = 1 + own.filter((error) => error.atMs > atMs - RECENT_MS).length;
  noteError(task, atMs);
  if (attemptsMax > 0 ? failedCount >= attemptsMax : recentCount >= RECENT_ERRORS_MAX) {
    task.state = "failed";
    task.failedBecause = "command";
    return;
  }
  const waitMs = attemptsMax > 0 ? Math.min(60_000, 1000 * 2 ** (failedCount - 1)) : RETRY_MS;
  const sleepsUntilMs = task.state === "sleeping" ? task.wakeAtMs : 0;
  task.wakeAtMs = Math.max(sleepsUntilMs, atMs + waitMs);
  task.state = "sleeping";
}

function noteError(task: ChosenTask, atMs: number): void {
  task.errors.push({ atMs });
  if (task.errors.length > ERRORS_MAX) task.errors.shift();
}

// ---- comparing with what keepers have ---------------------------------------------------------------------

/** In words where a keeper's copy of a task differs from the chosen one; "" when it does not. */
export function differenceOf(chosen: ChosenTask | undefined, copy: TaskRecord | undefined): string {
  if (!chosen || !copy) return chosen === copy ? "" : copy ? "it should not exist" : "it is missing";
  const wrong: string[] = [];
  const compare = (what: string, a: unknown, b: unknown): void => {
    if (a !== b) wrong.push(`${what} should be ${a}, got ${b}`);
  };
  compare("state", chosen.state, copy.state);
  compare("fence", chosen.fence, copy.fence);
  compare("attempt", chosen.attempt, copy.attempt);
  compare("session", sessionText(chosen.session), sessionText(copy.session));
  compare("errors", chosen.errors.length, copy.errors.length);
  compare("progress", String(chosen.progress), String(copy.progress));
  const queued = copy.commands?.queued ?? [];
  const waiting = queued.filter(({ message }) => message.type !== "expire");
  compare("commands", chosen.line.map(({ no }) => no).join(), waiting.map(({ no }) => no).join());
  if (chosen.state === "leased") compare("told", chosen.toldOver > 0, waiting.length < queued.length);
  compare("why it failed", chosen.failedBecause, copy.failedBecause ?? "");
  compare("deaths", chosen.deaths.length, copy.lapsesInSuccession);
  compare("harmless", chosen.livedMs, copy.harmlessMs);
  compare("lapses", Math.min(10, chosen.lapseCount), copy.lapses.length);
  if (chosen.state === "sleeping") compare("wake", chosen.wakeAtMs, copy.wakeAtMs);
  compare("payload", String(chosen.spec.payload), String(copy.spec.payload));
  compare("result", String(chosen.result), String(copy.result));
  compare("checkpoint", String(chosen.checkpoint), String(copy.checkpoint));
  return wrong.join("; ");
}

export function sessionText(session: SessionId | null): string {
  return session ? `${session.node}.${session.boot}.${session.n}` : "-";
}

export function ballotText(ballot: Ballot | null): string {
  return ballot ? `${ballot.cfg}.${ballot.counter}.${ballot.node}.${ballot.boot}` : "-";
}

/** Order of ballots: below 0 when `a` is the lower. */
export function ballotOrder(a: Ballot | null, b: Ballot | null): number {
  if (!a || !b) return Number(a !== null) - Number(b !== null);
  return a.cfg - b.cfg || a.counter - b.counter || a.node - b.node || a.boot - b.boot;
}
