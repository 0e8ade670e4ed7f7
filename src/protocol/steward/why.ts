/** Why a task does not run, in one sentence for people. Nothing is decided by it. */
import { LIMITS } from "../model/limits.ts";
import type { Standing } from "../model/messages.ts";
import type { Member, Placement, TaskRecord } from "../model/types.ts";
import { isOnProbation, SUSPECT_MS_MAX, suspicionOf } from "../state/lapses.ts";
import { clipText } from "../wire/writer.ts";
import { missingLabel } from "./placement.ts";

/** What keeps a member from being given a task now. */
export type Obstacle =
  /** Not connected, or it has not said yet what it can run. */
  | "down"
  | "handler"
  /** It lacks a label, or the task is for another node. */
  | "placement"
  | Exclude<Standing, "up">
  | "unattached"
  /** Not heard for some heartbeats: it may be gone. */
  | "silent"
  /** It, or its handler of that name, takes no more tasks now. */
  | "full"
  /** Or it is known that it would decline. */
  | "declined";

/** How a member stands to a task that waits, as its steward sees it. */
export interface Prospect {
  readonly member: Member;
  /** The most lasting one; null: it could be given the task. */
  readonly obstacle: Obstacle | null;
  /** When it declined: until when; 0 = until something changes. */
  readonly declinedUntilMs: number;
  /** And why, if it said so. */
  readonly declinedWhy: string;
}

/** For a task that nobody holds and that could run now. */
export function whyPending(record: TaskRecord, members: readonly Prospect[]): string {
  const { name, options } = record.spec;
  const placement = options?.placement ?? null;
  const why = placement && placement.node !== ""
    ? whyNotOn(placement, record, members)
    : whyNowhere(placement, record, members);
  return clipText(
    why ?? `is about to be handed to a node with a handler named "${name}"`,
    LIMITS.whyBytesMax,
  );
}

/** For one that may have killed its node, while another death would cost a quorum. */
export function whySuspected(record: TaskRecord, members: readonly Prospect[]): string {
  const { node, atMs } = suspicionOf(record)!;
  const name = members.find(({ member }) => member.no === node)?.member.name;
  const untilMs = atMs + SUSPECT_MS_MAX;
  return `may have killed ${name === undefined ? "its last node" : `node "${name}"`}: ${deathsOf(record)}; ` +
    "it waits until no partition would lose its quorum if another node died, " +
    `at most until ${isoTime(untilMs)}`;
}

/** Of what it is suspected. */
function deathsOf(record: TaskRecord): string {
  const { ranMs } = suspicionOf(record)!;
  const count = record.lapsesInSuccession;
  if (count > 1) return `the processes of ${count} nodes died in succession while it ran`;
  return `that node's process died when the task had run for ${((ranMs ?? 0) / 1000).toFixed(1)} s`;
}

function whyNotOn(placement: Placement, record: TaskRecord, members: readonly Prospect[]): string | null {
  const { name } = record.spec;
  const node = `node "${placement.node}"`;
  const found = members.find(({ member }) => member.name === placement.node) ??
    members.find(({ member }) => member.id === placement.node);
  if (!found) return `${node}, the only one that may run it, is not a member`;
  if (found.member.witness) return `${node}, the only one that may run it, is a witness: it runs no tasks`;
  const only = `${node}, the only one that may run it,`;
  switch (found.obstacle) {
    case "down":
      return `${only} is down`;
    case "handler":
      return `${only} has no handler named "${name}"`;
    case "placement": {
      const label = missingLabel(found.member, placement);
      return label ? `${only} has no label ${label.key}=${label.value}` : null;
    }
    case "frozen":
    case "draining":
      return `${only} is ${found.obstacle}`;
    case "unattached":
      return `${only} has not attached to this partition's steward yet`;
    default:
      return whyNoneOf([found], record, only);
  }
}

function whyNowhere(
  placement: Placement | null,
  record: TaskRecord,
  members: readonly Prospect[],
): string | null {
  const { name } = record.spec;
  const able = members.filter(({ member, obstacle }) =>
    !member.witness && obstacle !== "down" && obstacle !== "handler"
  );
  if (able.length === 0) return `no connected node has a handler named "${name}"`;
  const fit = able.filter(({ obstacle }) => obstacle !== "placement");
  if (placement && fit.length === 0) return whyNoneFits(placement, name, able);
  const who = (count: number): string => {
    const labelled = placement && placement.requires.length > 0 ? " and the labels it requires" : "";
    return `all ${count} nodes with a handler named "${name}"${labelled}`;
  };
  const ready = fit.filter(({ obstacle }) => obstacle !== "frozen" && obstacle !== "draining");
  const frozenCount = fit.filter(({ obstacle }) => obstacle === "frozen").length;
  if (ready.length === 0) {
    return frozenCount === 0
      ? `${who(fit.length)} are draining`
      : `${who(frozenCount)} are frozen: unfreeze one`;
  }
  const attached = ready.filter(({ obstacle }) => obstacle !== "unattached");
  if (attached.length === 0) {
    return "the nodes that could run it have not attached to this partition's steward yet";
  }
  const why = whyNoneOf(attached, record, who(attached.length));
  return why !== null && frozenCount > 0 ? `${why}, ${frozenCount} more are frozen` : why;
}

function whyNoneFits({ requires }: Placement, name: string, up: readonly Prospect[]): string {
  const who = `no connected node with a handler named "${name}" has`;
  for (const { key, value } of requires) {
    if (!up.some(({ member }) => member.labels[key] === value)) return `${who} the label ${key}=${value}`;
  }
  return `${who} all labels that it requires: ${
    requires.map(({ key, value }) => `${key}=${value}`).join(", ")
  }`;
}

/** They could run it, but none takes it now. `who` is one node, or all of them. */
function whyNoneOf(attached: readonly Prospect[], record: TaskRecord, who: string): string | null {
  if (attached.some(({ obstacle }) => obstacle === null)) return null;
  const isOne = attached.length === 1 && !who.startsWith("all ");
  const verb = isOne ? "is" : "are";
  const of = (wanted: Obstacle): readonly Prospect[] =>
    attached.filter(({ obstacle }) => obstacle === wanted);
  const silent = of("silent");
  if (silent.length === attached.length) return `${who} ${isOne ? "has" : "have"} not been heard for a while`;
  const declined = of("declined");
  const full = silent.length > 0 ? "are full or silent" : `${verb} full`;
  if (declined.length === 0) return `waits for capacity: ${who} ${full}`;
  if (declined.length < attached.length) {
    return `waits for capacity: of ${who} ${declined.length} declined it and the others are ${
      silent.length > 0 ? "full or silent" : "full"
    }`;
  }
  if (isOnProbation(record)) {
    return `is on probation, ${deathsOf(record)}: a node runs one such task at a time, and ${who} ${verb} ` +
      "running one, or declined it";
  }
  const times = declined.map(({ declinedUntilMs }) => declinedUntilMs).filter((ms) => ms > 0);
  const apart = record.spec.options?.placement?.apart ?? "";
  if (apart !== "" && times.length < declined.length) {
    return `waits to be apart: ${who} ${verb} running a task with the key "${apart}", or declined it`;
  }
  const first = times.reduce((a, b) => Math.min(a, b), Infinity);
  const reason = declined.find(({ declinedWhy }) => declinedWhy !== "");
  const because = reason ? `; ${reason.member.name} says: ${reason.declinedWhy}` : "";
  return times.length === declined.length
    ? `${who} declined it, the first until ${isoTime(first)}${because}`
    : `${who} declined it until something changes${because}`;
}

/** For any task that does not run; "" when it runs or has ended. `whyWaits` for one that could run now. */
export function whyOf(
  record: TaskRecord,
  { nowMs, trouble }: { readonly nowMs: number; readonly trouble: string },
  whyWaits: () => string,
): string {
  const { state, wakeAtMs, errors, fence, commands, attempt, lapses } = record;
  if (state === "pending" || (state === "sleeping" && wakeAtMs <= nowMs)) return whyWaits();
  const last = errors.at(-1);
  // an error after which it was leased again does not explain anything any more
  const error = last?.kind === "error" && last.fence === fence ? last : undefined;
  let why = "";
  if (state === "sleeping") {
    const seconds = Math.ceil((wakeAtMs - nowMs) / 1000);
    why = error
      ? `tried again in ${seconds} s, at ${
        isoTime(wakeAtMs)
      }, after an error in attempt ${attempt}: ${error.message}`
      : isOnProbation(record) && lapses.at(-1)?.fence === fence
      ? `tried again in ${seconds} s, at ${isoTime(wakeAtMs)}: ${deathsOf(record)}`
      : `sleeps until ${isoTime(wakeAtMs)}`;
    if (trouble !== "") why += `; ${trouble}`;
  } else if (state === "paused") {
    why = error ? `paused after an error: ${error.message}` : "paused, until a command resumes it";
  } else if (state === "leased" && commands && commands.queued.length > 0) {
    const types = commands.queued.map(({ message }) => message.type).join(", ");
    why = `has commands that are not carried out yet: ${types}`;
  }
  return clipText(why, LIMITS.whyBytesMax);
}

// ---- times in words ---------------------------------------------------------------------------------------
// Wall clock times as people write them. Pure arithmetic: the protocol has no clock of its own.

const DAY_MS = 86_400_000;

/** ISO 8601, UTC, to the millisecond. The date follows Hinnant, "chrono-compatible date algorithms". */
export function isoTime(ms: number): string {
  const days = Math.floor(ms / DAY_MS);
  const rest = Math.floor(ms - days * DAY_MS);
  const shifted = days + 719_468; // since 0000-03-01
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const two = (value: number): string => String(value).padStart(2, "0");
  const time = [rest / 3_600_000, (rest / 60_000) % 60, (rest / 1000) % 60].map((value) =>
    two(Math.floor(value))
  );
  const millis = String(rest % 1000).padStart(3, "0");
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${time.join(":")}.${millis}Z`;
}
