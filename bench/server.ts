/** Servers of the peers: do they take connections yet. Ports come from tests/support/free-port.ts. */
import type { ChildProcess } from "node:child_process";
import { connect } from "node:net";

const START_LIMIT_MS = 5000;

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
