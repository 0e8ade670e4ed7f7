/**
 * Process groups as far as the platform shows them: signalling one, whether anything of it lives, and finding
 * one whose number nobody knows. Zombies are no life: nobody may ever reap them. When to signal is up to
 * others.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** "refused": it is there, and none of it may be signalled by this user. */
export type Delivery = "sent" | "gone" | "refused";

/** What lives of a group: "foreign" may not be signalled by this user. */
export type Life = "ours" | "foreign";

/** What is done to process groups; tests bring others. */
export interface Groups {
  signal(group: number, signal: NodeJS.Signals): Delivery;
  /** Those of `groups` that have a living process, whoever its parent is. */
  living(groups: readonly number[]): ReadonlyMap<number, Life>;
}

export const systemGroups: Groups = { signal: deliver, living: livingGroups };

/** Why a group that was asked to end is still there. */
export function lingering(group: number, life: Life): string {
  return life === "foreign"
    ? `cannot signal group ${group}: not permitted`
    : `group ${group} lives on after SIGKILL`;
}

/** To a process, or with a negative number to a group. */
function send(pid: number, signal: NodeJS.Signals | 0): Delivery {
  try {
    process.kill(pid, signal);
    return "sent";
  } catch (error) {
    return (error as { code?: unknown }).code === "EPERM" ? "refused" : "gone";
  }
}

function deliver(group: number, signal: NodeJS.Signals): Delivery {
  return send(-group, signal);
}

function livingGroups(groups: readonly number[]): ReadonlyMap<number, Life> {
  const known = new Map<number, Life>();
  for (const group of groups) {
    const delivery = send(-group, 0);
    if (delivery !== "gone") known.set(group, delivery === "refused" ? "foreign" : "ours");
  }
  if (known.size === 0 || !areAllProcessesShown()) return known;
  const shown = groupsShown([...known.keys()]);
  // A process that is forked while the list is read may be missed once.
  return shown.size === known.size ? shown : new Map([...groupsShown([...known.keys()]), ...shown]);
}

/**
 * Without /proc (not Linux), where it hides other users' processes, or where it is of another PID namespace,
 * only the kernel's answer counts.
 */
function areAllProcessesShown(): boolean {
  return read("/proc/1/stat") !== "" && isOwnProc();
}

function isOwnProc(): boolean {
  try {
    return readlinkSync("/proc/self") === String(process.pid);
  } catch {
    return false;
  }
}

function groupsShown(groups: readonly number[]): Map<number, Life> {
  const wanted = new Set(groups);
  const living = new Map<number, Life>();
  // Most of a group is younger than what gave it its number: it is found without reading all of the list.
  const oldest = Math.min(...groups);
  const pids = processes();
  for (const pid of [...pids.filter((pid) => pid >= oldest), ...pids.filter((pid) => pid < oldest)]) {
    if (living.size === wanted.size) break;
    const shown = parseStat(read(`/proc/${pid}/stat`));
    if (!shown?.isAlive || !wanted.has(shown.group)) continue;
    living.set(shown.group, send(pid, 0) === "refused" ? "foreign" : "ours");
  }
  return living;
}

export interface ProcessStat {
  readonly isAlive: boolean;
  readonly group: number;
  readonly session: number;
}

/** One /proc/PID/stat, as proc(5) describes it; undefined for a process that is gone. */
export function parseStat(text: string): ProcessStat | undefined {
  // A command's name may contain anything, parentheses and line ends too.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state = "", , group, session] = fields;
  if (text === "" || fields.length < 18) return undefined;
  // The first thread of a process may have ended, and others go on.
  const isAlive = !/^[ZXx]$/.test(state) || Number(fields[17]) > 1;
  return { isAlive, group: Number(group), session: Number(session) };
}

/**
 * Groups with a process whose environment has all of `variables` (`NAME=value`) and that have a session of
 * their own, as commands have. Linux only, and of this user's processes only.
 */
export function groupsWith(variables: readonly string[]): number[] {
  const found = new Set<number>();
  for (const pid of processes()) {
    const environment = read(`/proc/${pid}/environ`).split("\0");
    if (!variables.every((variable) => environment.includes(variable))) continue;
    const shown = parseStat(read(`/proc/${pid}/stat`));
    if (shown?.isAlive && shown.group === shown.session) found.add(shown.group);
  }
  return [...found];
}

function processes(): number[] {
  try {
    return readdirSync("/proc").map(Number).filter((pid) => pid > 0);
  } catch {
    return [];
  }
}

/** "" for what is gone or not shown. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
