/**
 * Process groups as far as the platform shows them: signalling one, whether anything of it lives, and finding
 * one whose number nobody knows. Zombies are no life: nobody may ever reap them. When to signal is up to
 * others.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** "refused": it is there, and none of it may be signalled by this user. */
export type Delivery = "sent" | "gone" | "refused";

/** What is done to process groups; tests bring others. */
export interface Groups {
  signal(group: number, signal: NodeJS.Signals): Delivery;
  /** Those of `groups` that have a living process, whoever its parent is. */
  living(groups: readonly number[]): ReadonlySet<number>;
}

export const systemGroups: Groups = { signal: signalGroup, living: livingGroups };

/** Why a group that was told to end is still there. */
export function lingering(group: number, delivery: Delivery): string {
  return delivery === "refused"
    ? `cannot signal group ${group}: not permitted`
    : `group ${group} lives on after SIGKILL`;
}

function signalGroup(group: number, signal: NodeJS.Signals | 0): Delivery {
  try {
    process.kill(-group, signal);
    return "sent";
  } catch (error) {
    return (error as { code?: unknown }).code === "EPERM" ? "refused" : "gone";
  }
}

function livingGroups(groups: readonly number[]): ReadonlySet<number> {
  const known = groups.filter((group) => signalGroup(group, 0) !== "gone");
  if (known.length === 0 || !areAllProcessesShown()) return new Set(known);
  // A process that is forked while the list is read may be missed once.
  const first = groupsShown(known);
  const second = first.size === known.length ? first : groupsShown(known);
  return new Set([...first, ...second]);
}

/** Without /proc (not Linux), or where it hides other users' processes, only the kernel's answer counts. */
function areAllProcessesShown(): boolean {
  return existsSync("/proc/1/stat") && read("/proc/1/stat") !== "";
}

function groupsShown(groups: readonly number[]): Set<number> {
  const wanted = new Set(groups);
  const living = new Set<number>();
  // Most of a group is younger than what gave it its number: it is found without reading all of the list.
  const oldest = Math.min(...groups);
  const pids = processes();
  for (const pid of [...pids.filter((pid) => pid >= oldest), ...pids.filter((pid) => pid < oldest)]) {
    if (living.size === wanted.size) break;
    const shown = parseStat(read(`/proc/${pid}/stat`));
    if (shown?.isAlive && wanted.has(shown.group)) living.add(shown.group);
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
