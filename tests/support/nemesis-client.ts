/**
 * A client of the nemesis: asks at random, beside others that use the same ids, and notes when it asked what,
 * and what it was told.
 */
import { type Client, StolosError, type TaskHandle, type TaskState, type TaskSummary } from "../../mod.ts";
import type { Answer, Call, Command, Operation, Result, Seen } from "./history.ts";
import { work } from "./nemesis-handlers.ts";
import { delay } from "./drill.ts";

/** Nothing was done, say the pages; all else may have been done. */
const REFUSALS: ReadonlySet<string> = new Set([
  ...["CONFLICT", "NO_QUORUM", "BUSY", "NOT_FOUND", "WRONG_STATE", "OUTCOME_UNKNOWN_RETENTION"],
  "CONNECT_FAILED",
]);
/** The ids that most questions are about: the newest. */
const RECENT_COUNT = 25;
const RECENT_SHARE = 0.8;
/** Questions at once, so that one without an answer does not keep the others waiting. */
const LANE_COUNT = 3;
const DONE_MAX = 10;
const PAUSE_MS_MAX = 120;
const STATES: readonly TaskState[] = ["pending", "leased", "paused", "completed", "killed"];

export interface NemesisClientOptions {
  readonly client: Client;
  readonly random: () => number;
  readonly operations: Operation[];
  /** How many ids there are by now. */
  readonly idCount: () => number;
  /** Aborts what waits for ends. */
  readonly signal: AbortSignal;
}

export class NemesisClient {
  readonly #options: NemesisClientOptions;
  #doneCount = 0;

  constructor(options: NemesisClientOptions) {
    this.#options = options;
  }

  /** Until the signal aborts. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: LANE_COUNT }, () => this.#ask()));
  }

  async #ask(): Promise<void> {
    const { random, signal } = this.#options;
    while (!signal.aborted) {
      await this.#one();
      await delay(PAUSE_MS_MAX * random());
    }
  }

  async submit(id: string, input: string): Promise<void> {
    const { client, random, signal } = this.#options;
    let handle: TaskHandle<Result> | undefined;
    await this.#note({ type: "submit", id, input }, async () => {
      handle = await client.submit(work, { input, ms: durationOf(id) }, { id });
      return { type: "submitted", created: handle.created };
    });
    if (!handle || this.#doneCount >= DONE_MAX || random() > 0.3 || signal.aborted) return;
    this.#doneCount += 1;
    void this.#done(handle).finally(() => this.#doneCount -= 1);
  }

  async get(id: string): Promise<void> {
    await this.#note({ type: "get", id }, async () => {
      const task = await this.#options.client.get(id);
      return { type: "task", task: task ? { ...seenOf(task), result: task.result as Result | null } : null };
    });
  }

  /** What it was told. */
  async list(state: TaskState | null): Promise<readonly Seen[]> {
    const tasks: Seen[] = [];
    await this.#note({ type: "list", state }, async () => {
      for await (const task of this.#options.client.list(state === null ? {} : { states: [state] })) {
        tasks.push(seenOf(task));
      }
      return { type: "tasks", tasks };
    });
    return tasks;
  }

  async command(id: string, command: Command): Promise<void> {
    await this.#note({ type: "command", id, command }, async () => {
      return { type: "commanded", effect: await this.#options.client.command(id, { type: command }) };
    });
  }

  async #done(handle: TaskHandle<Result>): Promise<void> {
    const { signal } = this.#options;
    await this.#note({ type: "done", id: handle.id }, async () => {
      const outcome = await handle.done({ signal });
      return { type: "ended", state: outcome.state, result: "result" in outcome ? outcome.result : null };
    });
  }

  async #one(): Promise<void> {
    const { random } = this.#options;
    const id = this.#someId();
    const chance = random();
    if (chance < 0.42) await this.submit(id, random() < 0.85 ? "a" : "b");
    else if (chance < 0.75) await this.get(id);
    else if (chance < 0.97) await this.command(id, this.#someCommand());
    else if (chance < 0.99) await this.list(STATES[Math.floor(random() * STATES.length)]!);
    else await this.list(null);
  }

  #someId(): string {
    const { random, idCount } = this.#options;
    const count = idCount();
    const span = random() < RECENT_SHARE ? Math.min(count, RECENT_COUNT) : count;
    return `task-${count - 1 - Math.floor(random() * span)}`;
  }

  #someCommand(): Command {
    const chance = this.#options.random();
    return chance < 0.3 ? "pause" : chance < 0.65 ? "run" : chance < 0.8 ? "kill" : "release";
  }

  async #note(call: Call, ask: () => Promise<Answer>): Promise<void> {
    const startMs = Date.now();
    let answer: Answer;
    try {
      answer = await ask();
    } catch (error) {
      answer = answerOf(error);
    }
    this.#options.operations.push({ startMs, endMs: Date.now(), call, answer });
  }
}

function answerOf(error: unknown): Answer {
  const code = error instanceof StolosError
    ? error.code
    : error instanceof Error
    ? error.name
    : String(error);
  return REFUSALS.has(code) ? { type: "refused", code } : { type: "unanswered", code };
}

function seenOf({ id, state, fence, attempt }: TaskSummary): Seen {
  return { id, state, fence: Number(fence), attempt };
}

/** Some are short, some outlast leases. A task's own, whoever submits it. */
function durationOf(id: string): number {
  const no = Number(id.slice(id.lastIndexOf("-") + 1));
  const chance = (no * 7919 % 1000) / 1000;
  return chance < 0.3 ? 3000 * chance : chance < 0.7 ? 12_500 * (chance - 0.2) : 20_000 * chance - 6000;
}
