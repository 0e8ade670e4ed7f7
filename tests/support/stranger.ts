/**
 * A stranger without the secret, as a program of its own: for a while it does to a cluster whatever can be
 * done from without, all of it beside each other. Prints a line of JSON with what it did. Its argument is
 * JSON, a StrangerOptions.
 */
import { randomBytes } from "node:crypto";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { type Intrusion, replaysOf, RUDE, RUDER } from "./intrusions.ts";
import { MdnsLiar } from "./mdns-liar.ts";

export interface StrangerOptions {
  readonly targets: readonly { readonly host: string; readonly port: number }[];
  readonly seconds: number;
  /** Connections, to all targets together. */
  readonly perSecond: number;
  /** Pieces in base64 of what a friend has sent to one of the targets. */
  readonly recorded: readonly string[];
  /** Of its host; it lies on its network. null: it does not. */
  readonly address: string | null;
}

/** Of all to a target: more than it lets wait, and than it sets up, together. */
const OPEN_MAX_PER_TARGET = 1500;
const TICK_MS = 20;
const LIES_PER_SECOND = 60;
/** Connections that it holds, and others to which it does something. */
const HELD_SHARE = 0.4;

const options = JSON.parse(process.argv[2] ?? "{}") as StrangerOptions;
const { targets, seconds, perSecond, address } = options;
const replays = replaysOf(options.recorded.map((piece) => Buffer.from(piece, "base64")));
const kinds = Object.entries<Intrusion>({ ...RUDE, ...RUDER, ...replays });
const holds: Intrusion = RUDER["silence"]!;

const begunByKind = new Map<string, number>();
const sockets = new Set<Socket>();
let [begun, others, ended, unconnected, mostOpen, called] = [0, 0, 0, 0, 0, 0];

function come(turn: number): void {
  const { host, port } = targets[turn % targets.length]!;
  const isHeld = Math.random() < HELD_SHARE;
  const [name, intrude] = isHeld ? ["held", holds] as const : kinds[others++ % kinds.length]!;
  begunByKind.set(name, (begunByKind.get(name) ?? 0) + 1);
  let isConnected = false;
  const socket = createConnection({ host, port }, () => {
    isConnected = true;
    intrude(socket);
  });
  sockets.add(socket);
  mostOpen = Math.max(mostOpen, sockets.size);
  // flows, so that its end is noticed
  socket.resume();
  socket.on("error", () => {});
  socket.on("close", () => {
    sockets.delete(socket);
    ended++;
    if (!isConnected) unconnected++;
  });
}

/** What whoever it has told of itself finds there. */
const WELCOMES: readonly Intrusion[] = [
  () => {},
  // whoever dials hears itself
  (socket) => void socket.pipe(socket),
  (socket) => void socket.write(randomBytes(4096)),
  (socket) => void socket.destroy(),
  (socket) => void socket.write(Buffer.concat(options.recorded.map((piece) => Buffer.from(piece, "base64")))),
];

async function trap(host: string, welcome: Intrusion): Promise<{ server: Server; place: string }> {
  const server = createServer((socket) => {
    called++;
    socket.on("error", () => {});
    welcome(socket.resume());
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { readonly port: number };
  return { server, place: `/ip4/${host}/tcp/${port}` };
}

async function liar(host: string): Promise<MdnsLiar> {
  const traps = await Promise.all(WELCOMES.map((welcome) => trap(host, welcome)));
  // nobody is there, and no way leads there
  const nowhere = [host.replace(/\d+$/, "199"), "192.0.2.1"].map((each) => `/ip4/${each}/tcp/4001`);
  return await MdnsLiar.start({
    perSecond: LIES_PER_SECOND,
    places: [...traps.map(({ place }) => place), ...nowhere],
  });
}

const lies = address === null ? null : await liar(address);
const startMs = performance.now();
const timer = setInterval(() => {
  const spentMs = performance.now() - startMs;
  const due = Math.floor(spentMs / 1000 * perSecond);
  while (begun < due && sockets.size < OPEN_MAX_PER_TARGET * targets.length) come(begun++);
  if (spentMs < seconds * 1000) return;
  clearInterval(timer);
  const { user, system } = process.cpuUsage();
  const told = lies === null ? {} : { lies: lies.toldCount, members: lies.memberCount, called };
  const seen = { begun, ended, unconnected, mostOpen, ...told, cpuSeconds: (user + system) / 1e6 };
  process.stdout.write(`${JSON.stringify({ ...seen, kinds: Object.fromEntries(begunByKind) })}\n`, () => {
    process.exit(0);
  });
}, TICK_MS);
