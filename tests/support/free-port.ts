/**
 * A port of the loopback that nobody listens on, for what cannot tell which one it chose. It lies below the
 * ports that the system gives to outgoing connections and to `listen(0)`, so that nothing else of a busy
 * machine takes it before its user does.
 */
import { createServer } from "node:net";

/** Linux gives out 32,768 and above, macOS and Windows 49,152 and above. */
const FIRST = 20_000;
const COUNT = 12_000;
const TRIES_MAX = 50;

const given = new Set<number>();

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().on("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** @throws {Error} after 50 ports that others listen on */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < TRIES_MAX; tried++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (given.has(port) || !await listens(port)) continue;
    given.add(port);
    return port;
  }
  throw new Error(`Cannot find a free port of ${FIRST} to ${FIRST + COUNT - 1}: tried ${TRIES_MAX}`);
}
