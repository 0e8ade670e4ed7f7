/** How a client command reaches a cluster: by address, or by mDNS when none is given. */
import type { Client, NodeInfo } from "../../mod.ts";
import { given, parseDurationMs } from "./options.ts";
import { identityFrom, secretFrom } from "./secret.ts";

/** Time to connect and to be answered, unless --timeout says otherwise. */
export const TIMEOUT_DEFAULT_MS = 10_000;

export interface ClientValues {
  readonly namespace: string | undefined;
  readonly join: readonly string[];
  readonly timeout: string | undefined;
  readonly "secret-file": string | undefined;
  readonly identity: string | undefined;
}

export const CLIENT_HELP = `  --namespace N   the cluster's namespace (default stolos)
  --join ADDR     address of any of its nodes; may be repeated (default: found by mDNS)
  --timeout D     how long to try (default 10s)
  --secret-file F file with the cluster's secret (default: the environment's STOLOS_SECRET)
  --identity F    file with the key that this client is known by, made if it is not there (default: a new one
                  each time); for clusters with a list of who may connect
  --json          one JSON object a line on stdout
  --help          this text`;

export function timeoutMsOf(values: ClientValues): number {
  return values.timeout === undefined ? TIMEOUT_DEFAULT_MS : parseDurationMs("timeout", values.timeout);
}

/** Connects as a non-member; dispose to leave. */
export async function connect(values: ClientValues): Promise<Client & AsyncDisposable> {
  const options = {
    ...given("namespace", values.namespace, String),
    join: [...values.join],
    mdns: values.join.length === 0,
    timeoutMs: timeoutMsOf(values),
    ...secretFrom(values["secret-file"]),
    ...await identityFrom(values.identity),
  };
  // Loaded only now: the network takes longer to load than help and bad usage may take to be answered.
  const { connectClient } = await import("../../mod.ts");
  return await connectClient(options);
}

/** The member with that name or id. */
export async function nodeNamed(client: Client, nameOrId: string): Promise<NodeInfo | undefined> {
  const all = await client.nodes();
  return all.find(({ node }) => node === nameOrId) ?? all.find(({ name }) => name === nameOrId);
}
