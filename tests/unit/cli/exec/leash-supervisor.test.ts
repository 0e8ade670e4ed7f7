/** Claims about what the supervisor starts, signals and reports. Commands and time are made up. */
import { expect, test } from "bun:test";
import type { CommandListener } from "../../../../src/cli/exec/command-process.ts";
import type { CommandEnd, FromLeash, LeashStart } from "../../../../src/cli/exec/leash-messages.ts";
import { KILL_LEAD_MS } from "../../../../src/cli/exec/leash-schedule.ts";
import { LeashSupervisor } from "../../../../src/cli/exec/leash-supervisor.ts";
import type { Delivery, Life } from "../../../../src/cli/exec/process-group.ts";
import { FakeEnvironment } from "../../../support/fake-environment.ts";

const MARGIN_MS = 1000;

/** How the processes of one group take signals. */
interface Nature {
  /** What its first process dies of. */
  readonly diesOf: readonly string[];
  /** Another process of the group dies of these only; undefined: there is none. */
  readonly restDiesOf?: readonly string[];
  /** That other process belongs to another user. */
  readonly isRestForeign?: boolean;
}

const plain: Nature = { diesOf: ["SIGTERM", "SIGKILL"] };
const stubborn: Nature = { diesOf: ["SIGKILL"] };
/** sudo dies of SIGKILL; what it runs does not even get it. */
const sudo: Nature = { diesOf: ["SIGKILL"], restDiesOf: ["SIGKILL"], isRestForeign: true };

class FakeGroup {
  readonly signals: string[] = [];
  readonly number: number;
  readonly #nature: Nature;
  readonly #exited: CommandListener["exited"];
  #isFirstAlive = true;
  #isRestAlive: boolean;

  constructor(number: number, nature: Nature, exited: CommandListener["exited"]) {
    this.number = number;
    this.#nature = nature;
    this.#exited = exited;
    this.#isRestAlive = nature.restDiesOf !== undefined;
  }

  get isAlive(): boolean {
    return this.#isFirstAlive || this.#isRestAlive;
  }

  get life(): [number, Life][] {
    if (!this.isAlive) return [];
    return [[this.number, !this.#isFirstAlive && this.#nature.isRestForeign ? "foreign" : "ours"]];
  }

  signal(signal: string): Delivery {
    this.signals.push(signal);
    const { diesOf, restDiesOf = [], isRestForeign = false } = this.#nature;
    if (!this.isAlive) return "gone";
    if (!this.#isFirstAlive && isRestForeign) return "refused";
    if (!isRestForeign && restDiesOf.includes(signal)) this.#isRestAlive = false;
    if (this.#isFirstAlive && diesOf.includes(signal)) this.exit(null, signal);
    return "sent";
  }

  /** Its first process ends. */
  exit(code: number | null, signal: string | null = null): void {
    this.#isFirstAlive = false;
    this.#exited(code, signal);
  }

  restEnds(): void {
    this.#isRestAlive = false;
  }
}

class Stage {
  readonly environment: FakeEnvironment = new FakeEnvironment();
  readonly groups: FakeGroup[] = [];
  readonly said: FromLeash[] = [];
  idleCount = 0;
  nature: Nature = plain;
  /** Happens within a start, before it asks for the last time whether it may. */
  beforeSpawn: () => void = () => {};
  readonly supervisor: LeashSupervisor;

  constructor() {
    const of = (number: number): FakeGroup => this.groups.find((group) => group.number === number)!;
    this.supervisor = new LeashSupervisor({
      environment: this.environment,
      groups: {
        signal: (number, signal) => of(number).signal(signal),
        living: (numbers) => new Map(numbers.flatMap((number) => of(number).life)),
      },
      startCommand: (_: LeashStart, listener) => this.#spawn(listener),
      send: (message) => this.said.push(message),
      onIdle: () => this.idleCount++,
    });
  }

  #spawn(listener: CommandListener): void {
    this.beforeSpawn();
    if (!listener.mayStart()) return listener.failed({ type: "withheld" });
    // As from a kernel: later.
    const group = new FakeGroup(100 + this.groups.length, this.nature, (code, signal) => {
      this.environment.setImmediate(() => listener.exited(code, signal));
    });
    this.groups.push(group);
    listener.started(group.number);
  }

  /** The peer asks it to start that, with so long a lease. */
  askStart(key: string, remainingMs: number): void {
    const files = { cwd: "/", env: {}, out: "", err: "", header: "" };
    const sentMs = this.environment.nowMs;
    this.supervisor.receive({
      type: "start",
      sentMs,
      remainingMs,
      key,
      argv: ["x"],
      marginMs: MARGIN_MS,
      ...files,
    });
  }

  start(key: string, remainingMs = 4000): FakeGroup {
    this.askStart(key, remainingMs);
    this.environment.advance(0);
    return this.groups.at(-1)!;
  }

  renew(key: string, remainingMs = 4000): void {
    const sentMs = this.environment.nowMs;
    this.supervisor.receive({ type: "renewed", sentMs, leases: [[key, remainingMs]] });
  }

  stop(key: string, graceMs: number): void {
    this.supervisor.receive({ type: "stop", sentMs: this.environment.nowMs, key, graceMs });
  }

  endOf(key: string): CommandEnd | undefined {
    const found = this.said.find((message) => message.type === "ended" && message.key === key);
    return found?.type === "ended" ? found.end : undefined;
  }

  get reasons(): string[] {
    return this.said.flatMap((message) => message.type === "lingers" ? [message.why] : []);
  }
}

test("a command that ends by itself is reported with its exit code at once", () => {
  const stage = new Stage();
  const group = stage.start("a");
  group.exit(3);
  stage.environment.advance(0);
  expect(stage.endOf("a")).toEqual({ type: "exit", code: 3, signal: null, stopped: false });
  expect(group.signals).toEqual([]);
});

test("SIGTERM comes a margin before the lease ends, SIGKILL just before its end", () => {
  const stage = new Stage();
  stage.nature = stubborn;
  const group = stage.start("a", 4000);
  stage.environment.advance(4000 - MARGIN_MS - 1);
  expect(group.signals).toEqual([]);
  stage.environment.advance(1);
  expect(group.signals).toEqual(["SIGTERM", "SIGCONT"]);
  stage.environment.advance(MARGIN_MS - KILL_LEAD_MS);
  expect(group.signals).toEqual(["SIGTERM", "SIGCONT", "SIGKILL"]);
  expect(stage.endOf("a")).toEqual({ type: "exit", code: null, signal: "SIGKILL", stopped: true });
});

test("a renewed lease lets it run on", () => {
  const stage = new Stage();
  const group = stage.start("a", 4000);
  for (let i = 0; i < 10; i++) {
    stage.environment.advance(2000);
    stage.renew("a");
  }
  expect(group.signals).toEqual([]);
});

test("no end is reported while anything of the group lives: what ended first left it behind", () => {
  const stage = new Stage();
  stage.nature = { diesOf: ["SIGKILL"], restDiesOf: ["SIGKILL"] };
  const group = stage.start("a");
  group.exit(0);
  stage.environment.advance(0);
  expect(stage.endOf("a")).toBeUndefined();
  expect(group.signals).toEqual(["SIGTERM", "SIGCONT"]);
  stage.environment.advance(MARGIN_MS - KILL_LEAD_MS - 1);
  expect(stage.endOf("a")).toBeUndefined();
  stage.environment.advance(300);
  expect(group.signals).toContain("SIGKILL");
  expect(stage.endOf("a")).toEqual({ type: "exit", code: 0, signal: null, stopped: false });
});

test("a signal that is not permitted is no end: the command is held, and why is said once", () => {
  const stage = new Stage();
  stage.nature = sudo;
  const group = stage.start("a");
  stage.stop("a", 500);
  stage.environment.advance(600);
  expect(group.signals).toContain("SIGKILL");
  expect(stage.reasons).toEqual(["cannot signal group 100: not permitted"]);
  for (let i = 0; i < 60; i++) {
    stage.environment.advance(1000);
    stage.renew("a");
  }
  expect(stage.endOf("a")).toBeUndefined();
  expect(stage.reasons).toHaveLength(1);
  group.restEnds();
  stage.environment.advance(1000);
  expect(stage.endOf("a")).toEqual({ type: "exit", code: null, signal: "SIGKILL", stopped: true });
});

test("neither the end of its lease nor that of the peer makes an end of what lives", () => {
  const stage = new Stage();
  stage.nature = sudo;
  const group = stage.start("a");
  stage.environment.advance(60_000);
  expect(stage.endOf("a")).toBeUndefined();
  stage.supervisor.orphaned();
  stage.environment.advance(60_000);
  expect([stage.endOf("a"), stage.idleCount]).toEqual([undefined, 0]);
  group.restEnds();
  stage.environment.advance(1000);
  expect([stage.endOf("a")?.type, stage.idleCount]).toEqual(["exit", 1]);
});

test("a group that outlives SIGKILL for long is said to, and signalled again", () => {
  const stage = new Stage();
  stage.nature = { diesOf: [] };
  const group = stage.start("a");
  stage.stop("a", 0);
  stage.environment.advance(900);
  expect(stage.reasons).toEqual([]);
  stage.environment.advance(600);
  expect(stage.reasons).toEqual(["group 100 lives on after SIGKILL"]);
  expect(group.signals.filter((signal) => signal === "SIGKILL").length).toBeGreaterThan(3);
});

test("one that lingers holds up nobody else", () => {
  const stage = new Stage();
  stage.nature = sudo;
  stage.start("a");
  stage.stop("a", 0);
  stage.environment.advance(5000);
  stage.nature = stubborn;
  const other = stage.start("b", 4000);
  stage.environment.advance(4000 - KILL_LEAD_MS);
  expect(other.signals).toEqual(["SIGTERM", "SIGCONT", "SIGKILL"]);
  expect(stage.endOf("b")?.type).toBe("exit");
});

test("nothing is spawned under a lease that ends within the margin", () => {
  const stage = new Stage();
  stage.start("a", MARGIN_MS);
  expect([stage.endOf("a"), stage.groups.length]).toEqual([{ type: "withheld" }, 0]);
});

test("the deadline is looked at last, when all that takes time is done", () => {
  const stage = new Stage();
  stage.beforeSpawn = () => stage.environment.standStill(3000);
  stage.start("a", 4000);
  expect([stage.endOf("a"), stage.groups.length]).toEqual([{ type: "withheld" }, 0]);
});

test("a start that waited in the pipe of a stopped supervisor starts nothing", () => {
  const stage = new Stage();
  stage.supervisor.receive({ type: "hello", sentMs: stage.environment.nowMs });
  const sentMs = stage.environment.nowMs;
  stage.environment.standStill(7200);
  const start = { key: "a", argv: ["x"], cwd: "/", env: {}, out: "", err: "", header: "", marginMs: 1000 };
  stage.supervisor.receive({ type: "start", sentMs, remainingMs: 4000, ...start });
  stage.environment.advance(0);
  expect([stage.endOf("a"), stage.groups.length]).toEqual([{ type: "withheld" }, 0]);
});

test("what is stopped, or left by its peer, before its turn is never spawned", () => {
  const stage = new Stage();
  for (const key of ["a", "b", "c"]) stage.askStart(key, 4000);
  stage.stop("b", 5000);
  stage.beforeSpawn = () => stage.supervisor.orphaned();
  stage.environment.advance(0);
  expect(stage.groups).toEqual([]);
  expect(["a", "b", "c"].map((key) => stage.endOf(key)?.type)).toEqual(["withheld", "withheld", "withheld"]);
});

test("what is stopped while it waits for its turn is withheld at once, not when its turn comes", () => {
  const stage = new Stage();
  for (const key of ["a", "b", "c"]) stage.askStart(key, 4000);
  stage.stop("b", 5000);
  expect([stage.endOf("a"), stage.endOf("b")]).toEqual([undefined, { type: "withheld" }]);
  stage.environment.advance(0);
  expect([stage.groups.length, stage.endOf("a"), stage.endOf("c")]).toEqual([2, undefined, undefined]);
});

test("what waits for its turn is withheld when its lease ends, not when its turn comes", () => {
  const stage = new Stage();
  stage.askStart("a", 60_000);
  stage.askStart("b", 4000);
  stage.beforeSpawn = () => {
    stage.environment.standStill(4000 - MARGIN_MS);
    stage.stop("a", 5000);
    expect(stage.endOf("b")).toEqual({ type: "withheld" });
  };
  stage.environment.advance(0);
  expect(stage.groups.length).toBe(0);
});

test("a supervisor that has lost its peer ends when the last command has", () => {
  const stage = new Stage();
  stage.nature = stubborn;
  const group = stage.start("a");
  stage.supervisor.orphaned();
  expect(group.signals).toEqual(["SIGTERM", "SIGCONT"]);
  stage.environment.advance(MARGIN_MS - KILL_LEAD_MS - 1);
  expect(stage.idleCount).toBe(0);
  stage.environment.advance(1);
  expect([group.signals.at(-1), stage.idleCount]).toEqual(["SIGKILL", 1]);
});

test("a supervisor that stood still past a deadline kills first", () => {
  const stage = new Stage();
  stage.nature = stubborn;
  const group = stage.start("a", 4000);
  stage.environment.standStill(60_000);
  stage.environment.advance(0);
  expect(group.signals).toEqual(["SIGKILL"]);
});
