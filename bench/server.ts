/** Servers of the peers: on which port of the loopback, and do they take connections yet. */
import type { ChildProcess } from "node:child_process";
import { connect, createServer } from "node:net";

const START_LIMIT_MS = 5000;

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject).listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** Resolves as soon as it takes connections. */
export async function started(server: ChildProcess, name: string, port: number): Promise<void> {
  let why: string | null = null;
  server.once("error", (error) => why = error.message);
  server.once("exit", (code, signal) => why = `it ended with ${signal ?? code}`);
  const untilMs = performance.now() + START_LIMIT_MS;
  while (!await takesConnections(port)) {
    if (why !== null) throw new Error(`Cannot start ${name}: ${why}`);
    if (performance.now() > untilMs) {
      throw new Error(`Cannot start ${name}: not up in ${START_LIMIT_MS} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (is: boolean) => (): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once("connect", answer(true)).once("error", answer(false));
  });
}
