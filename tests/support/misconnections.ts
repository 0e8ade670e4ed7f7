/**
 * All ways in which connecting or listening goes wrong, tried on this runtime with real sockets: prints one
 * JSON object, the message of each case's error by its name. For misconnections.test.ts.
 */
import { createServer, type Server } from "node:net";
import { connectClient, createNode, type Node, nodeIdOf } from "../../mod.ts";
import { makePrivateKey } from "../../mod.ts";

const SECRET = "the secret of the cluster, long enough for it";
const OTHER = "another secret of somebody, long enough for it";
const LOOPBACK = "/ip4/127.0.0.1/tcp";
/** They are tried beside each other, and each until then. */
const TIMEOUT_MS = 8000;

async function portOf(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as { readonly port: number }).port;
}

/** Another program: says this as soon as somebody connects, or listens in silence. */
async function program(says: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    if (says !== "") socket.end(says);
  });
  return `${LOOPBACK}/${await portOf(server)}`;
}

const node = (namespace: string, options: Parameters<typeof createNode>[0] = {}): Promise<Node> =>
  createNode({ namespace, listen: [`${LOOPBACK}/0`], mdns: false, ...options });

const messageOf = (attempt: Promise<unknown>): Promise<string> =>
  attempt.then(() => "no error", (error) => `${(error as Error).name}: ${(error as Error).message}`);

function client(address: string, options: Parameters<typeof connectClient>[0] = {}): Promise<string> {
  const all = { namespace: "here", join: [address], timeoutMs: TIMEOUT_MS, ...options };
  return messageOf(connectClient(all).then((each) => each[Symbol.asyncDispose]()));
}

const listen = (address: string): Promise<string> =>
  messageOf(node("here", { listen: [address], security: "none" }));

const [open, secret, listed] = await Promise.all([
  node("here"),
  node("here", { secret: SECRET }),
  node("here", { secret: SECRET, allow: [nodeIdOf(await makePrivateKey())] }),
]);
const [atOpen = "", atSecret = "", atListed = ""] = [open, secret, listed].map(({ addresses }) =>
  addresses[0]
);
const cases: Record<string, Promise<string>> = {
  refused: client(`${LOOPBACK}/1`),
  "refused, with a secret": client(`${LOOPBACK}/1`, { secret: SECRET }),
  "unknown host": client("/dns4/no-such-host.invalid/tcp/1", { secret: SECRET }),
  silent: client(await program("")),
  "silent, with a secret": client(await program(""), { secret: SECRET }),
  "another program": client(await program("SSH-2.0-OpenSSH_9.9 and more\r\n")),
  "another program, with a secret": client(await program("HTTP/1.1 400 Bad Request\r\n\r\n"), {
    secret: SECRET,
  }),
  "wrong namespace": client(atOpen, { namespace: "there" }),
  "no secret": client(atSecret),
  "a secret too many": client(atOpen, { secret: SECRET }),
  "wrong secret": client(atSecret, { secret: OTHER }),
  "not on the list": client(atListed, { secret: SECRET }),
  "another node's id": client(atOpen.replace(open.id, secret.id)),
  "port in use": listen(atOpen.replace(/\/p2p\/.*/, "")),
  // reserved for documentation
  "another machine's address": listen("/ip4/203.0.113.1/tcp/0"),
  "no TCP address": listen("/ip4/127.0.0.1/udp/0"),
};
const entries = Object.entries(cases).map(async ([name, message]) => [name, await message] as const);
console.log(JSON.stringify(Object.fromEntries(await Promise.all(entries))));
process.exit(0);
