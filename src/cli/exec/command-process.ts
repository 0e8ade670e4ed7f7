/**
 * Starts one command: in a process group of its own, with its output on the way to two files. What can never
 * work is told apart from what is no fault of the command, in the same words on every runtime. Leaves its
 * end to leash-supervisor.ts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import { CommandOutput } from "./command-output.ts";
import type { CommandEnd, LeashStart } from "./leash-messages.ts";
import { OutputFile } from "./output-file.ts";
import { OutputPipe } from "./output-pipe.ts";

export interface CommandListener {
  /** Asked last, in the same turn as the spawn. */
  mayStart(): boolean;
  /** Of one that has none, nothing is kept. */
  started(group: number, output?: Pick<CommandOutput, "finish">): void;
  /** Its first process has ended; of one that was started. */
  exited(code: number | null, signal: string | null): void;
  /** It was not started. */
  failed(end: CommandEnd): void;
  /** Some of its output could not be written: why. It goes on. */
  outputLost(why: string): void;
}

/** What passes: the machine has run out of something, or somebody writes the program just now. */
const PASSING: ReadonlySet<unknown> = new Set(["EAGAIN", "EMFILE", "ENFILE", "ENOMEM", "ETXTBSY"]);

/** Calls back at once or later: `failed`, or `started` and later `exited`. */
export function startCommand(start: LeashStart, listener: CommandListener): void {
  const program = programOf(start);
  if (typeof program !== "string") return listener.failed(program);
  const files: OutputFile[] = [];
  try {
    for (const path of [start.out, start.err]) files.push(new OutputFile(path, start.header));
  } catch (error) {
    for (const file of files) file.close();
    return listener.failed({ type: "trouble", error: `cannot write its output: ${messageOf(error)}` });
  }
  const pipes: OutputPipe[] = [];
  const failed = (end: CommandEnd): void => {
    for (const each of [...files, ...pipes]) each instanceof OutputFile ? each.close() : each.abandon();
    listener.failed(end);
  };
  try {
    for (let at = 0; at < 2; at++) pipes.push(new OutputPipe());
  } catch (error) {
    return failed({ type: "trouble", error: `cannot read its output: ${messageOf(error)}` });
  }
  let child: ChildProcess;
  try {
    if (!listener.mayStart()) return failed({ type: "withheld" });
    child = spawnWith(start, program, pipes);
  } catch (error) {
    return failed(failureOf(error));
  }
  if (child.pid === undefined) {
    child.on("error", (error) => failed(failureOf(error)));
    return;
  }
  child.on("error", () => {});
  child.on("exit", (code, signal) => listener.exited(code, signal));
  const [out, err] = [child.stdout, child.stderr].map((stream, at) => ({
    reader: pipes[at]!.read(stream),
    file: files[at]!,
  }));
  listener.started(child.pid, new CommandOutput(out!, err!, (why) => listener.outputLost(why)));
}

/** By its path: the runtimes disagree on where relative and empty places in a PATH are. */
function spawnWith(
  { argv, cwd, env }: LeashStart,
  program: string,
  [out, err]: readonly OutputPipe[],
): ChildProcess {
  const [command = "", ...args] = argv;
  return spawn(program, args, {
    argv0: command,
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    detached: true,
    stdio: ["ignore", out!.stdio, err!.stdio],
  });
}

function failureOf(error: unknown): CommandEnd {
  const { code = messageOf(error) } = error as { code?: unknown };
  const type = PASSING.has(code) ? "trouble" : "impossible";
  return { type, error: `cannot start its process: ${code}` };
}

/** The path of its program, or why it cannot be started as it stands. */
function programOf({ argv, cwd, env }: LeashStart): string | CommandEnd {
  const from = cwd ?? ownDirectory();
  if (from === null) return { type: "trouble", error: "the peer's working directory is gone" };
  const directory = lookAt(from);
  const where = directoryProblem(from, directory);
  if (where !== null) return { type: cwd === undefined ? "trouble" : whoseFault(directory), error: where };
  const [command = ""] = argv;
  const path = env.PATH ?? process.env.PATH ?? "";
  const places = command.includes("/")
    ? [command]
    : path.split(":").map((entry) => `${entry || "."}/${command}`);
  const paths = places.map((place) => resolve(from, place));
  const found = paths.map(lookAt);
  const at = found.findIndex(({ kind, mayUse }) => kind === "file" && mayUse);
  if (at >= 0) return paths[at]!;
  const best = found.find(({ kind }) => kind === "file") ?? found.find(({ kind }) => kind !== "none");
  const inPath = command.includes("/") ? "" : " in PATH";
  return { type: whoseFault(...found), error: programProblem(command, inPath, best) };
}

function ownDirectory(): string | null {
  try {
    return process.cwd();
  } catch {
    return null;
  }
}

/** What is at a path. */
interface Found {
  readonly kind: "none" | "hidden" | "file" | "directory" | "other";
  /** It may be executed or entered. */
  readonly mayUse: boolean;
  /** Why that is not known. */
  readonly trouble: string;
}

const NONE: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"]);
const HIDDEN: ReadonlySet<unknown> = new Set(["EACCES", "EPERM"]);

function lookAt(path: string): Found {
  try {
    const stat = statSync(path);
    const kind = stat.isFile() ? "file" : stat.isDirectory() ? "directory" : "other";
    return { kind, mayUse: mayUse(path), trouble: "" };
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (NONE.has(code)) return { kind: "none", mayUse: false, trouble: "" };
    if (HIDDEN.has(code)) return { kind: "hidden", mayUse: false, trouble: "" };
    return { kind: "none", mayUse: false, trouble: messageOf(error) };
  }
}

function mayUse(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function whoseFault(...found: readonly Found[]): "trouble" | "impossible" {
  return found.some(({ trouble }) => trouble !== "") ? "trouble" : "impossible";
}

function directoryProblem(path: string, { kind, mayUse, trouble }: Found): string | null {
  if (trouble !== "") return `cannot look at directory ${path}: ${trouble}`;
  if (kind === "none") return `there is no directory ${path}`;
  if (kind === "hidden" || (kind === "directory" && !mayUse)) return `directory ${path} may not be entered`;
  return kind === "directory" ? null : `${path} is no directory`;
}

function programProblem(command: string, inPath: string, found: Found | undefined): string {
  if (found?.kind === "file" || found?.kind === "hidden") return `${command}${inPath} may not be executed`;
  return found ? `${command}${inPath} is no program` : `there is no program ${command}${inPath}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
