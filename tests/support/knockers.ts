/**
 * Strangers at a port, as a program of its own: connections without the secret that do what they can. Prints
 * a line of JSON when all have come and gone. Arguments: port, how many, how many a second.
 */
import { createConnection } from "node:net";
import { RUDE } from "./intrusions.ts";

const [port = 0, count = 0, perSecond = 0] = process.argv.slice(2).map(Number);

/** Of those that wait for nothing but to be cut off. */
const OPEN_MAX = 2000;
const TICK_MS = 20;
/** Each takes its turn. */
const KINDS = Object.values(RUDE);

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
