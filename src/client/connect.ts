/** Connects a program that is no member to a cluster. libp2p is loaded by the first that does. */
import { checkKnown, integer, texts } from "../base/arguments.ts";
import { ConnectError } from "../base/errors.ts";
import type { NodeInfo } from "../coordinator/coordinator.ts";
import { type MeshClient, MeshError } from "../mesh/mesh-types.ts";
import { type Client, PortClient } from "./client.ts";
import { RpcPort } from "./rpc-client.ts";
import { RpcConnection } from "./rpc-connection.ts";
import { mdnsOf, namespaceOf, secretOf } from "./security-options.ts";

export interface ConnectOptions {
  /**
   * The cluster's namespace. Needed without `join`.
   * @default "stolos"
   */
  readonly namespace?: string;
  /**
   * Multiaddrs of members; any will do. A name stands for all its addresses.
   * @default []
   */
  readonly join?: readonly string[];
  /**
   * Look for members of the namespace on the local network.
   * @default true with a namespace and without join
   */
  readonly mdns?: boolean;
  /**
   * How long to try to connect, and to have a request answered.
   * @default 10_000
   */
  readonly timeoutMs?: number;
  /**
   * The cluster's pre-shared key.
   * @default none
   */
  readonly secret?: string | undefined;
  /**
   * Who this client is, as `makePrivateKey` makes it: for clusters with a list of who may connect.
   * @default a fresh one each time
   */
  readonly privateKey?: Uint8Array;
}

const KNOWN = ["namespace", "join", "mdns", "timeoutMs", "secret", "privateKey"];
const ATTEMPT = "connect";
const RECONNECT_TIMEOUT_MS = 5000;
/** Members come and go: so often it is asked who they are. */
const LEARN_EVERY_MS = 3000;
const ADDRESSES_MAX = 64;

/**
 * Connects as a non-member: its coming and going changes nothing in the cluster. When its member is gone it
 * goes on with another: one of the members that it has learned of, or of `join`.
 *
 * @throws ConnectError when no member answers in time; TypeError, RangeError for bad options
 */
export async function connectClient(options: ConnectOptions = {}): Promise<Client & AsyncDisposable> {
  checkKnown(ATTEMPT, options, KNOWN);
  const namespace = namespaceOf(ATTEMPT, options.namespace);
  const join = texts(ATTEMPT, "join", options.join, []);
  const mdns = mdnsOf(ATTEMPT, options, join.length === 0);
  if (join.length === 0 && !mdns) {
    throw new TypeError(`Cannot ${ATTEMPT}: needs join, or a namespace to look for by mDNS`);
  }
  const bounds = { min: 1, max: 2 ** 31 - 1, default: 10_000 };
  const timeoutMs = integer(ATTEMPT, "timeoutMs", options.timeoutMs, bounds);
  const secret = secretOf(ATTEMPT, options.secret);
  const identity = options.privateKey ? { privateKey: options.privateKey } : {};
  let learned: readonly string[] = [];
  const connect = (avoid: string | null, timeoutMs: number, signal?: AbortSignal): Promise<MeshClient> => {
    const all = [...new Set([...learned, ...join])];
    const others = all.filter((address) => avoid === null || !address.includes(avoid));
    const addresses = others.length > 0 ? others : all;
    const place = { namespace, join: addresses, mdns, secret };
    return connectMesh({ ...place, ...identity, timeoutMs, avoid, ...(signal && { signal }) });
  };
  const { connectClient: connectMesh } = await import("../mesh/client.ts");
  let first: MeshClient;
  try {
    first = await connect(null, timeoutMs);
  } catch (error) {
    throw asPublicError(error);
  }
  const connection = new RpcConnection(
    first,
    (avoid, signal) => connect(avoid, RECONNECT_TIMEOUT_MS, signal),
  );
  const port = new RpcPort(connection);
  // to know where to go when the member is gone; best effort
  const learn = (): void => {
    port.nodes({ timeoutMs: LEARN_EVERY_MS }).then((nodes) => {
      const [up, rest] = [nodes.filter(isUp), nodes.filter((node) => !isUp(node))];
      const now = [...up, ...rest].flatMap((node) => node.addresses);
      // a member that is leaving knows no other any more: what was learned before is tried after the rest
      learned = [...new Set([...now, ...learned])].slice(0, ADDRESSES_MAX);
    }).catch(() => {});
  };
  learn();
  const learning = setInterval(learn, LEARN_EVERY_MS);
  return new ConnectedClient(port, timeoutMs, async () => {
    clearInterval(learning);
    await connection.stop();
  });
}

const isUp = (node: NodeInfo): boolean => node.state === "up";

class ConnectedClient extends PortClient implements AsyncDisposable {
  readonly #close: () => Promise<void>;

  constructor(port: RpcPort, timeoutMs: number, close: () => Promise<void>) {
    super(port, timeoutMs);
    this.#close = close;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#close();
  }
}

/** What the mesh throws, as the errors of this library. */
export function asPublicError(error: unknown): unknown {
  if (!(error instanceof MeshError)) return error;
  if (error.code === "INVALID_INPUT") return new TypeError(error.message, { cause: error });
  return new ConnectError(error.message, { cause: error });
}
