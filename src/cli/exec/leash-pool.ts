/**
 * Which leash supervisor a command gets. All share one: a process for each would cost tens of milliseconds
 * and ten megabytes or more a command. A command may kill its supervisor (`kill -9 $PPID`), and nobody can
 * tell which one it was: so when a supervisor dies its commands are ended and none is to blame. Those that
 * began last are suspects and get a supervisor of their own the next time; one that dies under its only
 * command was killed by it, as far as anybody can tell.
 */
import { LeashClient, type LeashCommand, type LeashedCommand } from "./leash-client.ts";
import type { CommandEnd } from "./leash-messages.ts";

/** Of the commands that a supervisor dies under. Most that kill theirs do so at once. */
const SUSPECTS_PER_DEATH = 4;
/** Supervisors of a single suspect at once; beyond it they share. */
const OWN_MAX = 8;
/** The next attempt may be ten minutes later. */
const SUSPECTED_MS = 3_600_000;
const SUSPECTS_MAX = 1000;
/** What still lives then is left to the supervisor, which goes on trying. */
const CLOSE_MS = 7000;

export class LeashPool {
  readonly #clients = new Set<LeashClient>();
  #shared: LeashClient | null = null;
  #ownCount = 0;
  /** By task; monotonic. The oldest is the first. */
  readonly #suspectedUntilMs = new Map<string, number>();
  #isClosed = false;

  /** Process ids of the supervisors. */
  get pids(): number[] {
    return [...this.#clients].flatMap((client) => client.pid ?? []);
  }

  /** An end of type "orphaned" is the command's own fault: nothing else ran under its supervisor. */
  run(command: LeashCommand): LeashedCommand {
    if (this.#isClosed) return neverRun("its leash is closed");
    return this.#isSuspect(command.task) && this.#ownCount < OWN_MAX
      ? this.#runAlone(command)
      : this.#runShared(command);
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
      this.#shared = this.#open((orphans) => {
        for (const { task } of orphans.slice(-SUSPECTS_PER_DEATH)) this.#suspect(task);
      });
    }
    const leashed = this.#shared.run(command);
    const end = leashed.end.then((end): CommandEnd =>
      end.type === "orphaned" ? { type: "trouble", error: end.error } : end
    );
    return { ...leashed, end };
  }

  #runAlone(command: LeashCommand): LeashedCommand {
    this.#ownCount++;
    const client = this.#open(() => {});
    const leashed = client.run(command);
    void leashed.end.then(({ type }) => {
      this.#ownCount--;
      client.close();
      if (type === "exit") this.#suspectedUntilMs.delete(command.task);
    });
    return leashed;
  }

  #open(onDeath: (orphans: readonly LeashCommand[]) => void): LeashClient {
    const client = new LeashClient({ onDeath });
    this.#clients.add(client);
    void client.gone.then(() => this.#clients.delete(client));
    return client;
  }

  #suspect(task: string): void {
    this.#suspectedUntilMs.delete(task);
    this.#suspectedUntilMs.set(task, performance.now() + SUSPECTED_MS);
    for (const oldest of this.#suspectedUntilMs.keys()) {
      if (this.#suspectedUntilMs.size <= SUSPECTS_MAX) return;
      this.#suspectedUntilMs.delete(oldest);
    }
  }

  #isSuspect(task: string): boolean {
    return (this.#suspectedUntilMs.get(task) ?? 0) > performance.now();
  }
}

function neverRun(error: string): LeashedCommand {
  return { end: Promise.resolve({ type: "trouble", error }), renew: () => {}, stop: () => {} };
}
