/**
 * Starts one command: in a process group of its own, with its output appended to two files. What can never
 * work is told apart from what is no fault of the command, in the same words on every runtime. Leaves its
 * end to leash-supervisor.ts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, closeSync, constants, openSync, statSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import type { CommandEnd, LeashStart } from "./leash-messages.ts";

export interface CommandListener {
  /** Asked last, in the same turn as the spawn. */
  mayStart(): boolean;
  started(group: number): void;
  /** Its first process has ended; of one that was started. */
  exited(code: number | null, signal: string | null): void;
  /** It was not started. */
  failed(end: CommandEnd): void;
}

/** Appends, and follows no symbolic link: the directory may be one that everyone can write to. */
const OUTPUT_FLAGS = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW;

/** What passes: the machine has run out of something, or somebody writes the program just now. */
const PASSING: ReadonlySet<unknown> = new Set(["EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ETXTBSY"]);

/** Calls back at once or later: `failed`, or `started` and later `exited`. */
export function startCommand(start: LeashStart, listener: CommandListener): void {
  const impossible = impossibility(start);
  if (impossible !== null) return listener.failed({ type: "impossible", error: impossible });
  const files: number[] = [];
  try {
    for (const path of [start.out, start.err]) {
      const file = openSync(path, OUTPUT_FLAGS, 0o600);
      files.push(file);
      writeSync(file, `${start.header}\n`);
    }
  } catch (error) {
    for (const file of files) closeSync(file);
    return listener.failed({ type: "trouble", error: `cannot write its output: ${messageOf(error)}` });
  }
  let child: ChildProcess;
  try {
    if (!listener.mayStart()) return listener.failed({ type: "withheld" });
    const [command = "", ...args] = start.argv;
    const env = { ...process.env, ...start.env };
    child = spawn(command, args, { cwd: start.cwd, env, detached: true, stdio: ["ignore", ...files] });
  } catch (error) {
    return listener.failed(failureOf(error));
  } finally {
    for (const file of files) closeSync(file);
  }
  child.on("error", (error) => {
    if (child.pid === undefined) listener.failed(failureOf(error));
  });
  child.on("exit", (code, signal) => {
    if (child.pid !== undefined) listener.exited(code, signal);
  });
  if (child.pid !== undefined) listener.started(child.pid);
}

function failureOf(error: unknown): CommandEnd {
  const { code = messageOf(error) } = error as { code?: unknown };
  const type = PASSING.has(code) ? "trouble" : "impossible";
  return { type, error: `cannot start its process: ${code}` };
}

/** Why it can never be started as it stands; null when nothing is known against it. */
function impossibility({ argv, cwd, env }: LeashStart): string | null {
  if (!isDirectory(cwd)) return `there is no directory ${cwd} that may be entered`;
  const [command = ""] = argv;
  const path = env.PATH ?? process.env.PATH ?? "";
  const places = command.includes("/")
    ? [command]
    : path.split(":").map((entry) => `${entry || "."}/${command}`);
  if (places.some((place) => isProgram(resolve(cwd, place)))) return null;
  return command.includes("/") ? `there is no program ${command}` : `there is no program ${command} in PATH`;
}

function isDirectory(path: string): boolean {
  return isAccessible(path) && statSync(path).isDirectory();
}

function isProgram(path: string): boolean {
  return isAccessible(path) && statSync(path).isFile();
}

function isAccessible(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
