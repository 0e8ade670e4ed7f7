/**
 * The `join` addresses of a node: those with names are looked up now and again, for hosts come and go behind
 * a name. Dialling is left to dialer.ts; what nobody answers at is reported, each address at most once a
 * minute.
 */
import { lookup as systemLookup } from "node:dns/promises";
import type { Dialer } from "./dialer.ts";
import type { Lookup } from "./mesh-types.ts";

export interface JoinsOptions {
  readonly addresses: readonly string[];
  readonly dialer: Pick<Dialer, "join" | "unjoin" | "hurry">;
  /** @default the system's */
  readonly lookup?: Lookup;
  /** @default 10_000 */
  readonly lookEveryMs?: number;
  readonly unreachable: (address: string, reason: string) => void;
}

const LOOK_EVERY_MS = 10_000;
const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 5000;
/** About 3 s, like the dialler. */
const REPORT_AFTER_FAILURES = 4;
const REPORT_EVERY_MS = 60_000;
/** In that time: on the local network anybody can make up addresses. */
const REPORTS_MAX = 100;

export class Joins {
  readonly #options: JoinsOptions;
  readonly #timers: Set<ReturnType<typeof setTimeout>> = new Set();
  /** Names that a dialled address is there for: it may be behind several. */
  readonly #namesByAddress: Map<string, Set<string>> = new Map();
  readonly #reportedMs: Map<string, number> = new Map();
  #isStopped = false;

  constructor(options: JoinsOptions) {
    this.#options = options;
  }

  start(): void {
    for (const address of new Set(this.#options.addresses)) {
      if (isNamed(address)) void this.#look(address, 0);
      else this.#options.dialer.join(address);
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** Nobody answered at an address that is dialled because of `join`. */
  failed(address: string, reason: string): void {
    const names = this.#namesByAddress.get(address);
    this.#report(names === undefined ? address : `${address} (${[...names].join(", ")})`, reason);
  }

  async #look(name: string, failures: number): Promise<void> {
    try {
      const found = await resolveAddress(name, this.#options.lookup ?? lookupAll);
      if (this.#isStopped) return;
      this.#take(name, found);
      // the network may be back
      if (failures > 0) { for (const address of found) this.#options.dialer.hurry(address); }
      this.#again(name, 0, this.#options.lookEveryMs ?? LOOK_EVERY_MS);
    } catch (error) {
      if (this.#isStopped) return;
      // what was found before stands: DNS may be down while the nodes are not
      if (failures >= REPORT_AFTER_FAILURES) this.#report(name, reasonOf(error));
      this.#again(name, failures + 1, Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(failures, 10)));
    }
  }

  #take(name: string, found: readonly string[]): void {
    for (const [address, names] of this.#namesByAddress) {
      if (found.includes(address) || !names.delete(name) || names.size > 0) continue;
      this.#namesByAddress.delete(address);
      if (!this.#options.addresses.includes(address)) this.#options.dialer.unjoin(address);
    }
    for (const address of found) {
      const names = this.#namesByAddress.get(address);
      if (names) names.add(name);
      else this.#namesByAddress.set(address, new Set([name]));
      this.#options.dialer.join(address);
    }
  }

  /** With jitter: a cluster that starts at once must not ask at once for ever. */
  #again(name: string, failures: number, afterMs: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#look(name, failures);
    }, afterMs * (0.75 + Math.random() / 4));
    this.#timers.add(timer);
  }

  #report(address: string, reason: string): void {
    const nowMs = performance.now();
    const beforeMs = this.#reportedMs.get(address) ?? -Infinity;
    if (nowMs - beforeMs < REPORT_EVERY_MS) return;
    for (const [each, ms] of this.#reportedMs) {
      if (nowMs - ms >= REPORT_EVERY_MS) this.#reportedMs.delete(each);
    }
    if (this.#reportedMs.size >= REPORTS_MAX) return;
    this.#reportedMs.set(address, nowMs);
    this.#options.unreachable(address, reason);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The system's resolver, so that /etc/hosts and the search domains of /etc/resolv.conf count. */
const lookupAll: Lookup = (host, family) => systemLookup(host, { all: true, family });

/** So many addresses of one name are dialled. */
const ADDRESSES_MAX = 64;
const NAMED = /^\/(dns|dns4|dns6)\/([^/]+)(\/.*)?$/;
const FAMILY_BY_PROTOCOL = { dns: 0, dns4: 4, dns6: 6 } as const;

/** `/dns/…`, `/dns4/…` and `/dns6/…`. A `/dnsaddr/…` is libp2p's own and is resolved by it. */
export function isNamed(address: string): boolean {
  return NAMED.test(address);
}

/**
 * The same address once for each that DNS has for its host now, sorted; one without a name is left as it is.
 * All A and AAAA records are taken: behind a headless service of Kubernetes each is another node.
 */
export async function resolveAddress(address: string, lookup: Lookup = lookupAll): Promise<string[]> {
  const match = NAMED.exec(address);
  if (!match) return [address];
  const [, protocol, host = "", rest = ""] = match;
  const family = FAMILY_BY_PROTOCOL[protocol as keyof typeof FAMILY_BY_PROTOCOL];
  const found = await lookup(host, family).catch((cause) => {
    throw new Error(unresolved(host, cause), { cause });
  });
  // an address of a zone (fe80::1%eth0) is of this host alone
  const plain = found.filter((each) => !each.address.includes("%"));
  const all = plain.map((each) => `/ip${each.family === 6 ? 6 : 4}/${each.address}${rest}`);
  return [...new Set(all)].sort().slice(0, ADDRESSES_MAX);
}

function unresolved(host: string, error: NodeJS.ErrnoException): string {
  const { code } = error;
  if (code === "ENOTFOUND") return `there is no host ${host} (${code})`;
  if (code === "EAI_AGAIN") return `host ${host} cannot be looked up: DNS does not answer (${code})`;
  return `host ${host} cannot be looked up: ${reasonOf(error)}`;
}
