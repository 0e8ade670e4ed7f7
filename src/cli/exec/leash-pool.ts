/**
 * Which leash supervisor a command gets. All share one: a process for each would cost tens of milliseconds
 * and ten megabytes or more a command. A command may kill its supervisor (`kill -9 $PPID`), and nobody can
 * tell which one it was: so when a supervisor dies its commands are ended, none is to blame, and all of them
 * are suspects. The next time each of those that began last has a supervisor of its own, and the others are
 * split up between a few; what shares one with nobody and loses it again has killed it, as far as anybody
 * can tell. So a command is disturbed once by another, and again only if it shares a supervisor of suspects
 * with the one that kills them, each time with fewer others.
 */
import { LeashClient, type LeashCommand, type LeashedCommand } from "./leash-client.ts";
import type { CommandEnd } from "./leash-messages.ts";

/** Of those that a supervisor dies under so many get one of their own: most kill theirs at once. */
const ALONE_PER_DEATH = 4;
/** The others are split up into so many groups. */
const GROUPS_PER_DEATH = 4;
/** Supervisors of suspects at once; beyond it suspects share that of all others. */
const SUSPECT_CLIENTS_MAX = 16;
/** The next attempt may be ten minutes later. */
const SUSPECTED_MS = 3_600_000;
const SUSPECTS_MAX = 10_000;
/** What still lives then is left to the supervisor, which goes on trying. */
const CLOSE_MS = 7000;

/** Suspects that share a supervisor. */
interface Cohort {
  client: LeashClient | null;
  /** Commands that run under it. */
  count: number;
  /** Those that ran under it when it died. */
  orphanCount: number;
}

interface Suspect {
  readonly cohort: Cohort;
  /** Monotonic. */
  readonly untilMs: number;
}

export class LeashPool {
  readonly #clients = new Set<LeashClient>();
  #shared: LeashClient | null = null;
  #suspectClientCount = 0;
  /** By task. The oldest is the first. */
  readonly #suspects = new Map<string, Suspect>();
  #isClosed = false;

  /** Process ids of the supervisors. */
  get pids(): number[] {
    return [...this.#clients].flatMap((client) => client.pid ?? []);
  }

  /** An end of type "orphaned" is the command's own fault: nothing else ran under its supervisor. */
  run(command: LeashCommand): LeashedCommand {
    if (this.#isClosed) return neverRun("its leash is closed");
    const cohort = this.#cohortOf(command.task);
    return cohort ? this.#runSuspected(command, cohort) : this.#runShared(command);
  }

  /** Ends whatever still runs; resolves when it has ended, or some seconds later. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const clients = [...this.#clients];
    for (const client of clients) client.close();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, CLOSE_MS));
    await Promise.race([Promise.all(clients.map(({ gone }) => gone)), late]);
    clearTimeout(timer);
    for (const client of this.#clients) client.abandon();
  }

  #runShared(command: LeashCommand): LeashedCommand {
    if (!this.#shared || this.#shared.isOver) {
      this.#shared = this.#open((orphans) => this.#suspect(orphans));
    }
    const leashed = this.#shared.run(command);
    return { ...leashed, end: leashed.end.then(blameless) };
  }

  #runSuspected(command: LeashCommand, cohort: Cohort): LeashedCommand {
    const client = this.#clientOf(cohort);
    cohort.count++;
    const leashed = client.run(command);
    const end = leashed.end.then((end): CommandEnd => {
      if (--cohort.count === 0) {
        client.close();
        cohort.client = null;
      }
      if (end.type === "exit") this.#suspects.delete(command.task);
      return cohort.orphanCount > 1 ? blameless(end) : end;
    });
    return { ...leashed, end };
  }

  #clientOf(cohort: Cohort): LeashClient {
    if (cohort.client && !cohort.client.isOver) return cohort.client;
    cohort.orphanCount = 0;
    const client = this.#open((orphans) => {
      cohort.orphanCount = orphans.length;
      this.#suspect(orphans);
    });
    this.#suspectClientCount++;
    void client.gone.then(() => this.#suspectClientCount--);
    return cohort.client = client;
  }

  #open(onDeath: (orphans: readonly LeashCommand[]) => void): LeashClient {
    const client = new LeashClient({ onDeath });
    this.#clients.add(client);
    void client.gone.then(() => this.#clients.delete(client));
    return client;
  }

  /** `orphans` in the order of their starts. */
  #suspect(orphans: readonly LeashCommand[]): void {
    const groups = Array.from({ length: GROUPS_PER_DEATH }, newCohort);
    for (const [at, { task }] of orphans.entries()) {
      const isLate = at >= orphans.length - ALONE_PER_DEATH;
      const cohort = isLate ? newCohort() : groups[at % GROUPS_PER_DEATH]!;
      this.#suspects.delete(task);
      this.#suspects.set(task, { cohort, untilMs: performance.now() + SUSPECTED_MS });
    }
    for (const oldest of this.#suspects.keys()) {
      if (this.#suspects.size <= SUSPECTS_MAX) return;
      this.#suspects.delete(oldest);
    }
  }

  #cohortOf(task: string): Cohort | null {
    const suspect = this.#suspects.get(task);
    if (!suspect || suspect.untilMs <= performance.now()) return null;
    const { cohort } = suspect;
    const hasClient = cohort.client !== null && !cohort.client.isOver;
    return hasClient || this.#suspectClientCount < SUSPECT_CLIENTS_MAX ? cohort : null;
  }
}

function newCohort(): Cohort {
  return { client: null, count: 0, orphanCount: 0 };
}

/** Others ran under the supervisor that died: nobody knows who killed it. */
function blameless(end: CommandEnd): CommandEnd {
  return end.type === "orphaned" ? { type: "trouble", error: end.error, wasStarted: true } : end;
}

function neverRun(error: string): LeashedCommand {
  return { end: Promise.resolve({ type: "trouble", error }), renew: () => {}, stop: () => {} };
}
