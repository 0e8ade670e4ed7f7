/** The options of `stolos peer`, read into what createNode takes. */
import type { Balancer, LogLevel, NodeOptions } from "../../mod.ts";
import { clusterPlace } from "./cluster-place.ts";
import { secretFrom } from "./connect.ts";
import {
  given,
  type OptionValues,
  parseChoice,
  parseCount,
  parseDurationMs,
  parseLabels,
} from "./options.ts";
import { type HostAndPort, parseHostAndPort } from "./peer-http.ts";

export const PEER_OPTIONS = {
  help: { type: "boolean" },
  json: { type: "boolean" },
  namespace: { type: "string" },
  listen: { type: "string", multiple: true },
  join: { type: "string", multiple: true },
  announce: { type: "string", multiple: true },
  "no-mdns": { type: "boolean" },
  name: { type: "string" },
  data: { type: "string" },
  "secret-file": { type: "string" },
  allow: { type: "string", multiple: true },
  insecure: { type: "boolean" },
  expect: { type: "string" },
  witness: { type: "boolean" },
  capacity: { type: "string" },
  label: { type: "string", multiple: true },
  http: { type: "string" },
  "lease-ttl": { type: "string" },
  "evict-after": { type: "string" },
  replication: { type: "string" },
  log: { type: "string" },
  "log-format": { type: "string" },
  handlers: { type: "string" },
  linger: { type: "boolean" },
  balancer: { type: "string" },
} as const;

const BALANCERS = ["dumb", "fair", "resource", "sleep", "metered"] as const;
export const LOG_LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];
const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = typeof LOG_FORMATS[number];

export const PEER_HELP: string = `Usage: stolos peer [OPTION]…

Runs a node until SIGTERM or SIGINT: then it hands its tasks over and stops; a second signal stops it at once.
Its handler "exec" runs command lines: whoever can connect can run commands as you, so beyond 127.0.0.1 it
listens with a secret only.

  --namespace N     isolates clusters that share a network (default: the environment's STOLOS_NAMESPACE; with
                    --join stolos). It or --join is needed
  --listen ADDR     where to listen; may be repeated (default /ip4/127.0.0.1/tcp/0)
  --join ADDR       address of a node of the cluster, or a name for many (/dns4/NAME/tcp/PORT); may be
                    repeated (default: the environment's STOLOS_JOIN, addresses between commas)
  --announce ADDR   address to announce to others instead of those listened on; may be repeated
  --secret-file F   file with the secret that all nodes and clients of the cluster share, of 32 characters or
                    more (default: the environment's STOLOS_SECRET)
  --allow ID        peer id of somebody who may connect; may be repeated (default: who knows the secret)
  --insecure        listen beyond 127.0.0.1 without a secret
  --no-mdns         do not look for nodes of the namespace on the local network
  --name NAME       what people call it (default: the host's name and a random part)
  --data DIR        where the node keeps its state, in DIR/state, and the output of commands: it comes back as
                    the same node. One directory is for one node; never copy it. Default: the state in
                    memory, output in the directory for temporary files
  --expect N        found the cluster with exactly N nodes (default 1)
  --replication N   found the cluster with N keepers of each partition, of which a majority must survive
                    (default 3)
  --witness         keep state, run no tasks
  --capacity N      how many tasks at once (default 100)
  --label K=V       a label; may be repeated
  --lease-ttl D     how long a node may be silent before its tasks are taken over (default 4s)
  --evict-after D   how long a member may be silent before it is evicted and others keep what it kept, at
                    least 2 x lease-ttl (default 30s); the same on every peer
  --balancer B      which tasks it gives back to others: fair (default; levels their number), dumb (none),
                    resource (none begin while 80 % of the memory is used, above 90 % the oldest goes), sleep
                    (begins later the more it runs), metered (levels the loads that handlers report)
  --http HOST:PORT  answer /healthz, /readyz, /info and /metrics (Prometheus) over HTTP there; :PORT for every
                    address, PORT for 127.0.0.1 alone (default: not)
  --log LEVEL       ${LOG_LEVELS.join(", ")} (default info), on stderr
  --log-format F    text (default), or json: one object a line
  --handlers FILE   a module whose export "handlers" (or default) is a function of the node that adds handlers
  --linger          once the node has left for good ("stolos leave"), wait for a signal instead of ending: for
                    managers that start again what ends
  --json            one JSON object an event on stdout
  --help            this text`;

export type PeerValues = OptionValues<typeof PEER_OPTIONS>;

/**
 * What createNode is to be given.
 *
 * @throws UsageError for a bad value
 */
export function nodeOptionsOf(values: PeerValues): NodeOptions {
  return {
    ...given("name", values.name, String),
    ...given("expect", values.expect, (text) => parseCount("expect", text, 1)),
    ...given("capacity", values.capacity, (text) => parseCount("capacity", text, 1)),
    ...given("leaseTtlMs", values["lease-ttl"], (text) => parseDurationMs("lease-ttl", text)),
    ...given("evictAfterMs", values["evict-after"], (text) => parseDurationMs("evict-after", text)),
    ...given("replication", values.replication, (text) => parseCount("replication", text, 1)),
    ...(values.listen.length > 0 ? { listen: [...values.listen] } : {}),
    ...(values.announce.length > 0 ? { announce: [...values.announce] } : {}),
    ...secretFrom(values["secret-file"]),
    ...(values.insecure ? { security: "none" as const } : {}),
    ...(values.allow.length > 0 ? { allow: [...values.allow] } : {}),
    ...(values.witness ? { witness: true } : {}),
    ...(values["no-mdns"] ? { mdns: false } : {}),
    labels: parseLabels("label", values.label),
    ...clusterPlace(values),
  };
}

/** Where to answer over HTTP; undefined: nowhere. */
export function httpOf(values: PeerValues): HostAndPort | undefined {
  return values.http === undefined ? undefined : parseHostAndPort("http", values.http);
}

export function logLevelOf(values: PeerValues): LogLevel {
  return values.log === undefined ? "info" : parseChoice("log", values.log, LOG_LEVELS);
}

export function logFormatOf(values: PeerValues): LogFormat {
  return values["log-format"] === undefined
    ? "text"
    : parseChoice("log-format", values["log-format"], LOG_FORMATS);
}

type BalancerName = typeof BALANCERS[number];

/** @throws UsageError */
export function balancerOf(values: PeerValues): BalancerName {
  return values.balancer === undefined ? "fair" : parseChoice("balancer", values.balancer, BALANCERS);
}

/** The balancer of that name. Loads the network's code: call it only when a node is to run. */
export async function makeBalancer(name: BalancerName): Promise<Balancer> {
  const made = await import("../../mod.ts");
  switch (name) {
    case "dumb":
      return made.dumbBalancer();
    case "fair":
      return made.fairBalancer();
    case "resource":
      return made.resourceBalancer({ claimLimit: 80, releaseLimit: 90, reporter: made.memoryReporter() });
    case "sleep":
      return made.sleepBalancer();
    case "metered":
      return made.meteredBalancer();
    default:
      return name satisfies never;
  }
}
