/**
 * Judges a history task by task with a model of its own: what was acknowledged stays, ends are final, nobody
 * runs beside another, answers tell what was so between question and answer. Shares nothing with src. It
 * judges the tasks of handlers that obey, whose ends come from their handler or from a kill.
 */
import {
  type Commanded,
  type ExecutionLine,
  type History,
  type Interval,
  type Operation,
  type Sighting,
  type Submit,
  type TaskHistory,
  tasksOf,
} from "./history.ts";

export interface Anomaly {
  readonly id: string;
  readonly rule: Rule;
  readonly text: string;
}

export type Rule =
  | "lost"
  | "invented"
  | "input"
  | "created twice"
  | "end changed"
  | "state"
  | "result"
  | "recorded twice"
  | "fence"
  | "attempt"
  | "overlap"
  | "ran after its end"
  | "stale"
  | "command"
  | "list";

type Say = (rule: Rule, text: string) => void;

export function checkHistory(history: History): Anomaly[] {
  const tasks = tasksOf(history);
  const anomalies: Anomaly[] = [];
  for (const task of tasks.values()) {
    const say: Say = (rule, text) => anomalies.push({ id: task.id, rule, text });
    for (const rule of RULES) rule(task, say);
  }
  const say = (id: string): Say => (rule, text) => anomalies.push({ id, rule, text });
  const landmarks = [...tasks.values()].map(landmarksOf);
  for (const operation of history.operations) checkList(operation, landmarks, say);
  return anomalies;
}

const RULES: readonly ((task: TaskHistory, say: Say) => void)[] = [
  checkExistence,
  checkInput,
  checkCreated,
  checkEnds,
  checkStates,
  checkCompletion,
  checkRuns,
  checkFenceOrder,
  checkDuringRuns,
  checkCommands,
];

// ---- words ------------------------------------------------------------------------------------------------

const isFinal = (state: string | null): boolean =>
  state === "completed" || state === "killed" || state === "failed" || state === "ended";
const isRefused = ({ answer }: Submit | Commanded): boolean => answer.type === "refused";
/** Until when it may have been done: what was not answered may be done at any time. */
const untilMs = (asked: Submit | Commanded): number =>
  asked.answer.type === "unanswered" ? Infinity : asked.endMs;
const span = ({ startMs, endMs }: Interval): string => `[${startMs}, ${endMs}]`;
const told = (seen: Sighting): string => {
  const fence = seen.fence === null ? "" : ` fence ${seen.fence}`;
  return `${seen.by} ${span(seen)}: ${seen.state ?? "known"}${fence}`;
};
const firstEndMs = (all: readonly Interval[]): number =>
  all.reduce((ms, { endMs }) => Math.min(ms, endMs), Infinity);
const firstStartMs = (all: readonly Interval[]): number =>
  all.reduce((ms, { startMs }) => Math.min(ms, startMs), Infinity);
const startsOf = ({ lines }: TaskHistory): ExecutionLine[] => lines.filter(({ kind }) => kind === "start");

// ---- rules of one task ------------------------------------------------------------------------------------

/** Known once, known for ever; and never before somebody may have submitted it. */
function checkExistence({ submits, sightings, absences, lines }: TaskHistory, say: Say): void {
  const knownMs = Math.min(firstEndMs(sightings), lines[0]?.atMs ?? Infinity);
  for (const absence of absences) {
    if (absence.startMs > knownMs) say("lost", `${absence.by} ${span(absence)}, known at ${knownMs}`);
  }
  const submittedMs = firstStartMs(submits.filter((submit) => !isRefused(submit)));
  if (knownMs < submittedMs) {
    const seen = sightings.find(({ endMs }) => endMs === knownMs);
    say(
      "invented",
      `${seen ? told(seen) : `ran at ${knownMs}`}; submitted at ${submittedMs} at the earliest`,
    );
  }
}

/** One input, that of a submit; all others are conflicts, and that one never is. */
function checkInput({ submits, sightings, lines }: TaskHistory, say: Say): void {
  const confirmed = new Map<string, { readonly ms: number; readonly by: string }>();
  const confirm = (input: string, ms: number, by: string): void => {
    if (ms < (confirmed.get(input)?.ms ?? Infinity)) confirmed.set(input, { ms, by });
  };
  for (const submit of submits) {
    if (submit.answer.type === "submitted") confirm(submit.input, submit.endMs, "acknowledged");
  }
  for (const { input, atMs } of lines) confirm(input, atMs, "ran");
  for (const { result, endMs } of sightings) if (result) confirm(result.input, endMs, "in a result");
  if (confirmed.size > 1) {
    const all = [...confirmed].map(([input, { ms, by }]) => `${input} ${by} at ${ms}`);
    say("input", `more than one input: ${all.join(", ")}`);
  }
  for (const [input, { ms, by }] of confirmed) {
    const isAsked = submits.some((each) => each.input === input && !isRefused(each) && each.startMs <= ms);
    if (!isAsked) say("input", `input ${input} ${by} at ${ms}, and nobody had submitted it`);
  }
  for (const { input, answer, ...at } of submits) {
    if (answer.type !== "refused" || answer.code !== "CONFLICT") continue;
    if (confirmed.has(input)) say("input", `conflict ${span(at)} for the input ${input} of the task`);
    const isOther = submits.some((each) =>
      each.input !== input && !isRefused(each) && each.startMs <= at.endMs
    );
    if (!isOther) say("input", `conflict ${span(at)} for ${input}, and nobody had submitted another`);
  }
}

/** Created by one submit; "was known already" needs another. */
function checkCreated({ submits }: TaskHistory, say: Say): void {
  const acked = submits.filter(({ answer }) => answer.type === "submitted");
  const creators = acked.filter(({ answer }) => answer.type === "submitted" && answer.created);
  if (creators.length > 1) say("created twice", creators.map(span).join(" and "));
  for (const submit of acked) {
    if (creators.includes(submit)) continue;
    const isOther = submits.some((each) =>
      each !== submit && !isRefused(each) && each.startMs <= submit.endMs
    );
    if (!isOther) say("invented", `submit ${span(submit)}: known already, and nobody else had submitted it`);
  }
}

/** Ends are final, and everybody is told the same end. */
function checkEnds(task: TaskHistory, say: Say): void {
  const ends = task.sightings.filter(({ state }) => isFinal(state));
  if (ends.length === 0) return;
  const first = ends.reduce((a, b) => b.endMs < a.endMs ? b : a);
  for (const seen of task.sightings) {
    if (seen.state !== null && !isFinal(seen.state) && seen.startMs > first.endMs) {
      say("stale", `${told(seen)}, after ${told(first)}`);
    }
  }
  const differ = (of: (seen: Sighting) => string | null): void => {
    const values = new Map<string, Sighting>();
    for (const seen of ends) {
      const value = of(seen);
      if (value !== null && !values.has(value)) values.set(value, seen);
    }
    if (values.size > 1) say("end changed", [...values].map(([as, at]) => `${as} by ${told(at)}`).join("; "));
  };
  differ(({ state }) => state === "ended" ? null : state);
  differ(({ fence }) => fence === null ? null : `fence ${fence}`);
  differ(({ attempt }) => attempt === null ? null : `attempt ${attempt}`);
  differ(({ result }) => result === undefined ? null : JSON.stringify(result));
  const endFence = ends.find(({ fence }) => fence !== null)?.fence ?? Infinity;
  for (const { fence, atMs } of startsOf(task)) {
    if (fence > endFence) {
      say("ran after its end", `start of fence ${fence} at ${atMs}, ended under ${endFence}`);
    } else if (atMs > first.endMs) say("ran after its end", `start at ${atMs}, after ${told(first)}`);
  }
}

/** Who has died with its node so often in succession is on probation, and pauses. */
const STARTS_BEFORE_PROBATION = 2;

/** No state that nobody led it to. */
function checkStates(task: TaskHistory, say: Say): void {
  const { sightings, commands } = task;
  const firstOf = (command: string): number =>
    firstStartMs(commands.filter((each) => each.command === command && !isRefused(each)));
  const [pausedMs, killedMs] = [firstOf("pause"), firstOf("kill")];
  for (const seen of sightings) {
    const { state, endMs } = seen;
    if (state === "paused" && endMs < pausedMs) say("state", `${told(seen)}, and nobody had paused it`);
    if (state === "killed" && endMs < killedMs) say("state", `${told(seen)}, and nobody had killed it`);
    const startCount = startsOf(task).filter(({ atMs }) => atMs <= endMs).length;
    if (state === "sleeping" && startCount >= STARTS_BEFORE_PROBATION) continue;
    if (state === "failed" || state === "sleeping" || state === "fault") {
      say("state", `${told(seen)}, and its handler never fails`);
    }
    if ((state === "leased") && seen.fence === 0) say("state", `${told(seen)}`);
  }
}

/** Recorded once, by the run that ended, with its result. */
function checkCompletion({ sightings, lines, completions }: TaskHistory, say: Say): void {
  if (completions.length > 1) say("recorded twice", `fences ${completions.join(" ")}`);
  const ends = lines.filter(({ kind }) => kind === "end");
  for (const seen of sightings) {
    if (seen.state !== "completed") {
      if (seen.result) say("result", `${told(seen)} with ${JSON.stringify(seen.result)}`);
      continue;
    }
    const { fence, result, endMs } = seen;
    const by = fence ?? result?.fence;
    if (result === null) say("result", `${told(seen)} without a result`);
    if (result && fence !== null && result.fence !== fence) {
      say("result", `${told(seen)} with the result of fence ${result.fence}`);
    }
    if (!ends.some((end) => (by === undefined || end.fence === by) && end.atMs <= endMs)) {
      say("result", `${told(seen)}, and no such run had ended`);
    }
    const other = completions.find((each) => by !== undefined && each !== by);
    if (other !== undefined) say("recorded twice", `${told(seen)}, a peer had fence ${other} recorded`);
  }
}

/** One run after the other, each with a greater fence and attempt. */
function checkRuns(task: TaskHistory, say: Say): void {
  const starts = startsOf(task);
  starts.forEach(({ fence, attempt, atMs }, at) => {
    const before = starts[at - 1];
    if (!before) return;
    if (fence <= before.fence) say("fence", `start of ${fence} at ${atMs}, after ${before.fence}`);
    if (attempt <= before.attempt) say("attempt", `start of ${attempt} at ${atMs}, after ${before.attempt}`);
  });
  let highest: ExecutionLine | undefined;
  for (const line of task.lines) {
    if (highest && line.fence < highest.fence) {
      say("overlap", `fence ${line.fence} at ${line.atMs}, fence ${highest.fence} since ${highest.atMs}`);
    }
    if (!highest || line.fence > highest.fence) highest = line;
  }
  for (const [fence, lines] of Map.groupBy(task.lines, (line) => line.fence)) {
    if (lines[0]!.kind !== "start") say("fence", `fence ${fence} does not begin with a start`);
    const end = lines.findIndex(({ kind }) => kind === "end");
    if (end >= 0 && end < lines.length - 1) say("overlap", `fence ${fence} goes on after its end`);
  }
}

interface FencePoint extends Interval {
  readonly fence: number;
  readonly text: string;
}

/** What is told later has no smaller fence: a task's fence only grows. */
function checkFenceOrder({ sightings, lines }: TaskHistory, say: Say): void {
  const points: FencePoint[] = lines.map(({ kind, fence, atMs }) => ({
    ...{ startMs: atMs, endMs: atMs, fence },
    text: `${kind} of fence ${fence} at ${atMs}`,
  }));
  for (const seen of sightings) {
    if (seen.fence !== null) points.push({ ...seen, fence: seen.fence, text: told(seen) });
  }
  const byEnd = points.toSorted((a, b) => a.endMs - b.endMs);
  let next = 0;
  let highest: FencePoint | undefined;
  for (const point of points.toSorted((a, b) => a.startMs - b.startMs)) {
    for (; next < byEnd.length && byEnd[next]!.endMs < point.startMs; next++) {
      if (!highest || byEnd[next]!.fence > highest.fence) highest = byEnd[next]!;
    }
    if (highest && point.fence < highest.fence) say("stale", `${point.text}, after ${highest.text}`);
  }
}

/** A run that wrote before the question and after the answer held the lease all the time. */
function checkDuringRuns({ sightings, commands, lines }: TaskHistory, say: Say): void {
  const runs = [...Map.groupBy(lines, ({ fence }) => fence)].map(([fence, own]) => ({
    fence,
    startMs: own[0]!.atMs,
    endMs: own.at(-1)!.atMs,
  }));
  const runOver = ({ startMs, endMs }: Interval): (typeof runs)[number] | undefined =>
    runs.find((run) => run.startMs < startMs && endMs < run.endMs);
  for (const seen of sightings) {
    const run = runOver(seen);
    if (!run || seen.state === null) continue;
    if (seen.state !== "leased" || (seen.fence !== null && seen.fence !== run.fence)) {
      say("stale", `${told(seen)}, while fence ${run.fence} ran ${span(run)}`);
    }
  }
  for (const command of commands) {
    const run = runOver(command);
    if (run && command.answer.type === "commanded" && command.answer.effect === "applied") {
      say("command", `${command.command} ${span(command)} applied while fence ${run.fence} ran ${span(run)}`);
    }
  }
}

/** A pause holds until somebody may have resumed it, a kill for ever. */
function checkCommands(task: TaskHistory, say: Say): void {
  for (const command of task.commands) {
    const { answer, endMs } = command;
    if (answer.type !== "commanded" || (command.command !== "pause" && command.command !== "kill")) continue;
    const untilResumedMs = command.command === "kill" ? Infinity : firstResumeMs(task, command);
    const text = `${command.command} ${span(command)} ${answer.effect}`;
    const starts = startsOf(task).filter(({ atMs }) => atMs > endMs && atMs < untilResumedMs);
    // the lease that it waits for may be under way to its handler
    const startsMax = answer.effect === "applied" ? 0 : 1;
    if (starts.length > startsMax) {
      say("command", `${text}, then started at ${starts.map(({ atMs }) => atMs).join(", ")}`);
    }
    if (answer.effect === "queued") continue;
    for (const seen of task.sightings) {
      if (seen.state === null || isFinal(seen.state)) continue;
      if (seen.startMs <= endMs || seen.endMs >= untilResumedMs) continue;
      if (command.command === "kill" || seen.state !== "paused") {
        say("command", `${text}, then ${told(seen)}`);
      }
    }
  }
}

/** When it may have been resumed at the earliest, since it was paused. */
function firstResumeMs({ commands }: TaskHistory, pause: Commanded): number {
  const resumes = commands.filter((each) =>
    each.command === "run" && !isRefused(each) && untilMs(each) >= pause.startMs
  );
  return firstStartMs(resumes);
}

// ---- lists ------------------------------------------------------------------------------------------------

interface Landmarks {
  readonly id: string;
  readonly knownMs: number;
  /** The first that told its end. */
  readonly end: Sighting | undefined;
}

function landmarksOf({ id, sightings }: TaskHistory): Landmarks {
  const ends = sightings.filter(({ state }) => isFinal(state) && state !== "ended");
  const end = ends.toSorted((a, b) => a.endMs - b.endMs)[0];
  return { id, knownMs: firstEndMs(sightings), end };
}

/** Each task that did not change is in it exactly once, or not at all where its state was not asked for. */
function checkList(operation: Operation, tasks: readonly Landmarks[], say: (id: string) => Say): void {
  const { call, answer, startMs } = operation;
  if (call.type !== "list" || answer.type !== "tasks") return;
  const countById = new Map<string, number>();
  for (const { id, state } of answer.tasks) {
    countById.set(id, (countById.get(id) ?? 0) + 1);
    if (call.state !== null && state !== call.state) {
      say(id)("list", `${span(operation)} of ${call.state} shows it as ${state}`);
    }
  }
  for (const { id, knownMs, end } of tasks) {
    const count = countById.get(id) ?? 0;
    const hasEnded = end !== undefined && end.endMs < startMs;
    if (count > 1 && (call.state === null || hasEnded)) {
      say(id)("list", `${span(operation)} shows it ${count} times`);
    }
    if (count > 0) continue;
    if (call.state === null && knownMs < startMs) say(id)("lost", `a list ${span(operation)} is without it`);
    if (hasEnded && end.state === call.state) {
      say(id)("list", `${span(operation)} of ${call.state} is without it; ${told(end)}`);
    }
  }
}
