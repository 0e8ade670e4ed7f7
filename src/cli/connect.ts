/**
 * How a client command reaches a cluster: by address, or by mDNS when none is given; and where it finds what
 * must not be typed or shown: the cluster's secret, and who the client is.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { Client, NodeInfo } from "../../mod.ts";
import { clusterPlace } from "./cluster-place.ts";
import { parseDurationMs, UsageError } from "./options.ts";

/** Time to connect and to be answered, unless --timeout says otherwise. */
const TIMEOUT_DEFAULT_MS = 10_000;

export interface ClientValues {
  readonly namespace: string | undefined;
  readonly join: readonly string[];
  readonly timeout: string | undefined;
  readonly "secret-file": string | undefined;
  readonly identity: string | undefined;
}

export const CLIENT_HELP =
  `  --namespace N   the cluster's namespace (default: the environment's STOLOS_NAMESPACE; with --join stolos)
  --join ADDR     address of any of its nodes; may be repeated (default: the environment's STOLOS_JOIN; else
                  found by mDNS)
  --timeout D     how long to try to connect, and then for each answer (default 10s)
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
    timeoutMs: timeoutMsOf(values),
    ...secretFrom(values["secret-file"]),
    ...clusterPlace(values),
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

const VARIABLE = "STOLOS_SECRET";

/**
 * The cluster's secret from the file, else from the environment, which forgets it: commands that a peer runs
 * inherit the rest.
 *
 * @throws UsageError when the file cannot be read
 */
export function secretFrom(file: string | undefined): { readonly secret?: string } {
  const given = process.env[VARIABLE];
  delete process.env[VARIABLE];
  if (file !== undefined) return { secret: read("secret-file", file).trim() };
  return given === undefined ? {} : { secret: given };
}

/**
 * The key in that file; made, and readable by its owner only, when there is none.
 *
 * @throws UsageError when it cannot be read or written
 */
export async function identityFrom(
  file: string | undefined,
): Promise<{ readonly privateKey?: Uint8Array }> {
  if (file === undefined) return {};
  const { makePrivateKey } = await import("../../mod.ts");
  const fresh = await makePrivateKey();
  try {
    writeFileSync(file, `${Buffer.from(fresh).toString("base64")}\n`, { mode: 0o600, flag: "wx" });
    return { privateKey: fresh };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw unusable("identity", file, error);
  }
  return { privateKey: new Uint8Array(Buffer.from(read("identity", file), "base64")) };
}

function read(option: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unusable(option, file, error);
  }
}

function unusable(option: string, file: string, error: unknown): UsageError {
  return new UsageError(`Cannot use --${option} ${file}: ${error instanceof Error ? error.message : error}`);
}
