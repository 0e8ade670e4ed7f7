/**
 * Strangers at a port, as a program of its own: connections without the secret that do what they can. Prints
 * a line of JSON when all have come and gone. Arguments: port, how many, how many a second.
 */
import { randomBytes } from "node:crypto";
import { createConnection, type Socket } from "node:net";
import { XSalsa20 } from "../../src/mesh/xsalsa20.ts";

const [port = 0, count = 0, perSecond = 0] = process.argv.slice(2).map(Number);

/** Of those that wait for nothing but to be cut off. */
const OPEN_MAX = 2000;
const TICK_MS = 20;
const DRIP_MS = 100;
const PAUSE_MS = 4000;
const GREETING = Buffer.from("\x13/multistream/1.0.0\n\x07/noise\n");

function withAnotherSecret(): Buffer {
  const nonce = randomBytes(24);
  return Buffer.concat([nonce, new XSalsa20(randomBytes(32), nonce).update(GREETING)]);
}

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write(randomBytes(1)), DRIP_MS);
  socket.once("close", () => clearInterval(timer));
}

/** Each takes its turn; it stays until it is cut off, or leaves by itself. */
const KINDS: readonly ((socket: Socket) => void)[] = [
  (socket) => socket.write(randomBytes(124)),
  (socket) => socket.destroy(),
  (socket) => socket.write(randomBytes(12)),
  drip,
  (socket) => socket.write(randomBytes(44)),
  (socket) => socket.write(withAnotherSecret()),
  (socket) => socket.write(GREETING),
  // reads nothing for longer than it may stay, and sends more than anybody wants
  (socket) => {
    socket.pause().write(randomBytes(100_000));
    setTimeout(() => socket.resume(), PAUSE_MS);
  },
  // goes away in the middle of the nonce
  (socket) => void socket.write(randomBytes(10), () => socket.resetAndDestroy()),
];

let [begun, ended, open, unconnected] = [0, 0, 0, 0];

function knock(): void {
  const kind = KINDS[begun++ % KINDS.length]!;
  open++;
  let isConnected = false;
  const socket = createConnection({ port, host: "127.0.0.1" }, () => {
    isConnected = true;
    kind(socket);
  });
  // flows, so that its end is noticed
  socket.resume();
  socket.on("error", () => {});
  socket.on("close", () => {
    open--;
    ended++;
    if (!isConnected) unconnected++;
    if (ended === count) finish();
  });
}

function finish(): void {
  clearInterval(timer);
  console.log(JSON.stringify({ ended, unconnected, seconds: performance.now() / 1000 }));
}

const startMs = performance.now();
const timer = setInterval(() => {
  const due = Math.min(count, Math.floor((performance.now() - startMs) / 1000 * perSecond));
  while (begun < due && open < OPEN_MAX) knock();
}, TICK_MS);
