/** The leash against a peer that is killed, stopped or silent, with real processes on each runtime. */
import { expect, test } from "bun:test";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { commandOn } from "../../examples/demo/peer-process.ts";
import type { Runtime } from "../../examples/demo/peer-process.ts";
import { SudoUser } from "../support/sudo-user.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];

const LEASE_MS = 2000;
/** Beats every 30 ms from the command itself and from a process that it leaves in the background. */
const BEATS =
  "(while :; do date +%s%N >> inner; sleep 0.03; done) & while :; do date +%s%N >> beats; sleep 0.03; done";

interface PeerLine {
  readonly event: string;
  readonly supervisor: number;
  readonly deadlineMs: number;
  readonly code: number | null;
  readonly signal: string | null;
  readonly stopped: boolean;
  readonly type: string;
  readonly error?: string;
  readonly why?: string;
}

class Peer implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "stolos-leash-"));
  readonly child: ChildProcess;
  readonly lines: PeerLine[] = [];
  #wake: () => void = () => {};

  /** With `user`: as that user, and the script under sudo. */
  constructor(runtime: Runtime, script: string, user?: SudoUser) {
    user?.own(this.directory);
    const argv = [...user ? ["sudo", "-n"] : [], "sh", "-c", script];
    const peer = commandOn(runtime, "tests/support/leash-peer.ts", [
      this.directory,
      String(LEASE_MS),
      ...argv,
    ]);
    const [command = "", ...rest] = [...user?.prefix ?? [], ...peer];
    this.child = spawn(command, rest, { stdio: ["pipe", "pipe", "inherit"] });
    createInterface({ input: this.child.stdout! }).on("line", (line) => {
      this.lines.push(JSON.parse(line) as PeerLine);
      this.#wake();
    });
  }

  async line(event: string): Promise<PeerLine> {
    for (;;) {
      const found = this.lines.find((line) => line.event === event);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  say(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /**
   * Every time at which the command, or what it left in the background, was seen alive; ms since the epoch.
   * It may have been ended before the first.
   */
  beats(): number[] {
    return ["beats", "inner"].map((file) => join(this.directory, file)).filter((path) => existsSync(path))
      .flatMap((path) => readFileSync(path, "utf8").split("\n"))
      .filter((line) => line !== "").map((line) => Number(line) / 1e6).sort((a, b) => a - b);
  }

  async beating(): Promise<void> {
    await until(() => {
      try {
        return this.beats().length > 6 && readFileSync(join(this.directory, "inner"), "utf8").length > 60;
      } catch {
        return false;
      }
    });
  }

  /** Resolves when no beat has come for a while: with the time of the last. */
  async silence(): Promise<number> {
    let count = -1;
    for (let quiet = 0; quiet < 10; await pause(20)) {
      quiet = this.beats().length === count ? quiet + 1 : 0;
      count = this.beats().length;
    }
    return this.beats().at(-1) ?? 0;
  }

  /** Beats go on for so long, and no end is reported. */
  async outlives(ms: number): Promise<void> {
    const untilMs = Date.now() + ms;
    await until(() => (this.beats().at(-1) ?? 0) > untilMs);
    expect(this.lines.some((line) => line.event === "end")).toBe(false);
  }

  [Symbol.dispose](): void {
    const supervisor = this.lines.find((line) => line.event === "running")?.supervisor;
    for (const pid of [this.child.pid, supervisor, ...processesIn(this.directory)]) {
      try {
        if (pid !== undefined) process.kill(pid, "SIGKILL");
      } catch { /* gone already */ }
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await pause(10);
}

/** Processes whose working directory that is: what is left of a command. */
function processesIn(directory: string): number[] {
  return readdirSync("/proc").map(Number).filter((pid) => {
    try {
      return pid > 0 && readlinkSync(`/proc/${pid}/cwd`) === directory;
    } catch {
      return false;
    }
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie that nobody has reaped yet counts as gone.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

for (const runtime of RUNTIMES) {
  test(`${runtime}: a command reports its exit code, and its output is kept under a header`, async () => {
    using peer = new Peer(runtime, "echo said $STOLOS_FENCE; echo wrong >&2; exit 3");
    const exit = await peer.line("end");
    await peer.line("closed");
    expect({ code: exit.code, signal: exit.signal, stopped: exit.stopped }).toEqual({
      code: 3,
      signal: null,
      stopped: false,
    });
    expect(readFileSync(join(peer.directory, "task.out"), "utf8")).toBe("=== attempt 1\nsaid 1\n");
    expect(readFileSync(join(peer.directory, "task.err"), "utf8")).toBe("=== attempt 1\nwrong\n");
  });

  test(
    `${runtime}: a command runs on while its lease is renewed, and a stop ends its whole group`,
    async () => {
      using peer = new Peer(runtime, BEATS);
      await peer.beating();
      await until(() => peer.lines.filter((line) => line.event === "renewed").length >= 6);
      expect(peer.lines.some((line) => line.event === "end")).toBe(false);
      peer.say("stop");
      const exit = await peer.line("end");
      expect(exit.stopped).toBe(true);
      const endMs = Date.now();
      expect(await peer.silence()).toBeLessThanOrEqual(endMs);
    },
  );

  test(`${runtime}: SIGKILL of the peer ends its command before the lease does`, async () => {
    using peer = new Peer(runtime, `trap '' TERM; ${BEATS}`);
    await peer.beating();
    const supervisor = (await peer.line("running")).supervisor;
    process.kill(peer.child.pid!, "SIGKILL");
    const deadlineMs = peer.lines.findLast((line) => line.event !== "end")!.deadlineMs;
    expect(await peer.silence()).toBeLessThan(deadlineMs);
    await until(() => !isAlive(supervisor));
  });

  test(`${runtime}: SIGSTOP of the peer leaves no command running past its lease`, async () => {
    using peer = new Peer(runtime, `trap '' TERM; ${BEATS}`);
    await peer.beating();
    await peer.line("renewed");
    process.kill(peer.child.pid!, "SIGSTOP");
    await pause(50);
    const deadlineMs = peer.lines.findLast((line) => line.event === "renewed")!.deadlineMs;
    const lastMs = await peer.silence();
    expect(lastMs).toBeLessThan(deadlineMs);
    expect(lastMs).toBeGreaterThan(deadlineMs - LEASE_MS / 2);
    process.kill(peer.child.pid!, "SIGCONT");
    const exit = await peer.line("end");
    expect(exit.stopped).toBe(true);
    await peer.line("closed");
  });

  test(`${runtime}: a lease that is not renewed ends its command with SIGTERM first`, async () => {
    const beats = "while :; do date +%s%N >> beats; cp beats inner; sleep 0.03; done";
    using peer = new Peer(runtime, `trap 'echo asked >> asked; exit 0' TERM; ${beats}`);
    await peer.beating();
    await peer.line("renewed");
    peer.say("silent");
    const exit = await peer.line("end");
    expect(exit.stopped).toBe(true);
    expect(readFileSync(join(peer.directory, "asked"), "utf8")).toBe("asked\n");
    const deadlineMs = peer.lines.findLast((line) => line.event === "renewed")!.deadlineMs;
    expect(peer.beats().at(-1)).toBeLessThan(deadlineMs);
  });

  test(`${runtime}: SIGKILL of the supervisor ends its commands, and the peer learns of it`, async () => {
    using peer = new Peer(runtime, BEATS);
    await peer.beating();
    process.kill((await peer.line("running")).supervisor, "SIGKILL");
    const exit = await peer.line("end");
    expect(exit.error).toContain("supervisor has ended (SIGKILL)");
    const endMs = Date.now();
    expect(await peer.silence()).toBeLessThan(endMs + 100);
  });

  test(`${runtime}: a stopped supervisor does not save a command that was told to stop`, async () => {
    using peer = new Peer(runtime, BEATS);
    await peer.beating();
    process.kill((await peer.line("running")).supervisor, "SIGSTOP");
    peer.say("stop");
    const askedMs = Date.now();
    const end = await peer.line("end");
    expect(end.stopped).toBe(true);
    expect(await peer.silence()).toBeLessThan(askedMs + LEASE_MS + 100);
  });

  test(`${runtime}: a command that killed its supervisor at once is found and ended`, async () => {
    using peer = new Peer(runtime, `kill -9 $PPID; ${BEATS}`);
    const end = await peer.line("end");
    expect(end.type).toBe("trouble");
    const endMs = Date.now();
    await peer.line("closed");
    expect(peer.beats().filter((beat) => beat > endMs)).toEqual([]);
    expect(processesIn(peer.directory)).toEqual([]);
  });
}

const why = SudoUser.missing();
const SUDO_BEATS = `trap '' TERM; ${BEATS}`;

for (const runtime of RUNTIMES) {
  test.skipIf(why !== "")(`${runtime}: what sudo runs is not reported ended while it lives`, async () => {
    using user = new SudoUser();
    using peer = new Peer(runtime, SUDO_BEATS, user);
    await peer.beating();
    peer.say("stop");
    const held = await peer.line("lingers");
    expect(held.why).toMatch(/^cannot signal group \d+: not permitted$/);
    await peer.outlives(LEASE_MS * 1.5);
    process.kill(-groupOf(held), "SIGKILL");
    expect((await peer.line("end")).stopped).toBe(true);
    const endMs = Date.now();
    expect(await peer.silence()).toBeLessThanOrEqual(endMs);
  });

  test.skipIf(why !== "")(`${runtime}: nor is it when its supervisor is killed`, async () => {
    using user = new SudoUser();
    using peer = new Peer(runtime, SUDO_BEATS, user);
    await peer.beating();
    process.kill((await peer.line("running")).supervisor, "SIGKILL");
    const held = await peer.line("lingers");
    expect(held.why).toMatch(/^cannot signal group \d+: not permitted$/);
    await peer.outlives(LEASE_MS * 1.5);
    process.kill(-groupOf(held), "SIGKILL");
    expect((await peer.line("end")).type).toBe("trouble");
    const endMs = Date.now();
    expect(await peer.silence()).toBeLessThanOrEqual(endMs);
  });
}
if (why !== "") test.skip(`commands under sudo were not tried: ${why}`, () => {});

function groupOf({ why = "" }: PeerLine): number {
  return Number(/\d+/.exec(why)?.[0]);
}
