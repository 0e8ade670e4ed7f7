/**
 * What strangers without the secret do on a connection of their own, one function each. How many come, where,
 * and how often is left to knockers.ts and stranger.ts.
 */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { XSalsa20 } from "../../src/mesh/xsalsa20.ts";

/** What is done when it is open; it stays until it is cut off, or leaves by itself. */
export type Intrusion = (socket: Socket) => void;

const DRIP_MS = 100;
const PAUSE_MS = 4000;
const NONCE_BYTES = 24;
const GREETING = Buffer.from("\x13/multistream/1.0.0\n\x07/noise\n");
/** Around each length that means something, and each size of a buffer. */
const SIZES: readonly number[] = [1, 23, 24, 25, 43, 44, 45, 255, 256, 1024, 1460, 4095, 16_384, 65_537];
const MANY_BYTES = randomBytes(8 * 1024 * 1024);

function withAnotherSecret(): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  return Buffer.concat([nonce, new XSalsa20(randomBytes(32), nonce).update(GREETING)]);
}

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write(randomBytes(1)), DRIP_MS);
  socket.once("close", () => clearInterval(timer));
}

/** Reads nothing for longer than it may stay, and sends more than anybody wants. */
function glut(bytes: number): Intrusion {
  return (socket) => {
    socket.pause().write(MANY_BYTES.subarray(0, bytes));
    setTimeout(() => socket.resume(), PAUSE_MS);
  };
}

/** Each of them needs nothing but a port. */
export const RUDE: Readonly<Record<string, Intrusion>> = {
  garbage: (socket) => void socket.write(randomBytes(124)),
  "gone at once": (socket) => void socket.destroy(),
  "half a nonce": (socket) => void socket.write(randomBytes(12)),
  drip,
  "as much as a greeting": (socket) => void socket.write(randomBytes(44)),
  "another secret": (socket) => void socket.write(withAnotherSecret()),
  "no secret": (socket) => void socket.write(GREETING),
  glut: glut(100_000),
  "reset in the nonce": (socket) => void socket.write(randomBytes(10), () => socket.resetAndDestroy()),
};

const draw = (count: number): number => Math.floor(Math.random() * count);

/** More of them, which differ from one time to the next. */
export const RUDER: Readonly<Record<string, Intrusion>> = {
  silence: () => {},
  "garbage of each size": (socket) => void socket.write(randomBytes(SIZES[draw(SIZES.length)]!)),
  "a huge frame": (socket) => {
    const length = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]);
    socket.write(draw(2) === 0 ? length : Buffer.concat([GREETING, length, randomBytes(1024)]));
  },
  "megabytes of garbage": glut(MANY_BYTES.length),
  "gone at a step": (socket) => {
    const bytes = withAnotherSecret().subarray(0, draw(NONCE_BYTES + GREETING.length + 1));
    socket.write(bytes, () => draw(2) === 0 ? socket.end() : socket.resetAndDestroy());
  },
  "half open": (socket) => void socket.end(randomBytes(draw(NONCE_BYTES + 1))),
  "another program": (socket) => void socket.write("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"),
};

/** With what a friend has sent on a connection, piece by piece: the same bytes again, or nearly. */
export function replaysOf(pieces: readonly Uint8Array[]): Readonly<Record<string, Intrusion>> {
  const all = Buffer.concat(pieces);
  return {
    "a greeting again, then silence": (socket) => void socket.write(all.subarray(0, 44)),
    "all again at once": (socket) => void socket.write(all),
    "each again in its turn": (socket) => {
      let next = 0;
      const say = (): void => void (next < pieces.length && socket.write(pieces[next++]!));
      say();
      socket.on("data", say);
    },
    "some again, then gone": (socket) => {
      socket.write(all.subarray(0, draw(all.length)), () => draw(2) === 0 ? socket.end() : socket.destroy());
    },
    "again with a bit changed": (socket) => {
      const changed = Buffer.from(all);
      changed[draw(changed.length)]! ^= 1 << draw(8);
      socket.write(changed);
    },
    "a greeting again, then garbage": (socket) => {
      socket.write(Buffer.concat([all.subarray(0, 44), randomBytes(65_536)]));
    },
  };
}
