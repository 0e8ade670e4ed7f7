/** HTTP servers whose listeners die without a word, and ones that cannot be opened anew. */
import { expect, test } from "bun:test";
import { once } from "node:events";
import { createServer as createHttpServer, type Server } from "node:http";
import { createServer } from "node:net";
import { HttpListener } from "../../../src/observe/http-listener.ts";

/** A server that dies on the way: the system takes connections, and it gets none. */
class Mortal {
  readonly servers: Server[] = [];
  readonly troubles: string[] = [];
  readonly #troubled: (() => void)[] = [];
  #dead: Server | undefined;
  readonly #isThrowing: boolean;

  /** `isThrowing`: the callback that it reports to throws. */
  constructor(isThrowing = false) {
    this.#isThrowing = isThrowing;
  }

  readonly create = (): Server => {
    const server = createHttpServer((_, response) => void response.end("ok"));
    const emit = server.emit.bind(server) as (event: string, ...args: unknown[]) => boolean;
    server.emit = (event: string, ...args: unknown[]) =>
      event === "connection" && server === this.#dead ? false : emit(event, ...args);
    this.servers.push(server);
    return server;
  };

  open(): Promise<HttpListener> {
    return HttpListener.open({
      create: this.create,
      host: "127.0.0.1",
      port: 0,
      onTrouble: (reason) => {
        this.troubles.push(reason);
        for (const wake of this.#troubled.splice(0)) wake();
        if (this.#isThrowing) throw new Error("no");
      },
      checkEveryMs: 20,
      callTimeoutMs: 100,
    });
  }

  die(): void {
    this.#dead = this.servers.at(-1);
  }

  /** Resolves at the next one. */
  trouble(): Promise<void> {
    return new Promise((resolve) => this.#troubled.push(resolve));
  }
}

const answerOf = async (port: number): Promise<string> =>
  await (await fetch(`http://127.0.0.1:${port}/`)).text();

test("a server that accepts no more is replaced at its port, and that is reported", async () => {
  const mortal = new Mortal();
  const listener = await mortal.open();
  const { port } = listener;
  expect(await answerOf(port)).toBe("ok");
  mortal.die();
  await mortal.trouble();
  expect(await answerOf(port)).toBe("ok");
  expect(mortal.troubles).toEqual(["it had stopped accepting connections, and was opened anew"]);
  expect([mortal.servers.length, listener.port]).toEqual([2, port]);
  await listener.close();
  await expect(answerOf(port)).rejects.toThrow();
});

test("a program that throws when it is told is told again, and goes on", async () => {
  const mortal = new Mortal(true);
  const listener = await mortal.open();
  for (let count = 0; count < 2; count++) {
    mortal.die();
    await mortal.trouble();
    expect(await answerOf(listener.port)).toBe("ok");
  }
  const said = "it had stopped accepting connections, and was opened anew";
  expect(mortal.troubles).toEqual([said, said]);
  await listener.close();
});

test("one that is alive is called where nobody comes, and left as it is", async () => {
  const mortal = new Mortal();
  const listener = await mortal.open();
  for (let count = 0; count < 3; count++) await once(mortal.servers[0]!, "connection");
  await listener.close();
  expect([mortal.servers.length, mortal.troubles]).toEqual([1, []]);
});

test("one that cannot be opened anew is tried again, and reported once a minute", async () => {
  const mortal = new Mortal();
  const listener = await mortal.open();
  const { port } = listener;
  const taker = createServer().on("connection", () => {});
  // its port is taken as soon as it is given up
  mortal.servers[0]!.on("close", () => taker.listen(port, "127.0.0.1"));
  mortal.servers[0]!.close();
  await once(taker, "listening");
  await mortal.trouble();
  expect(mortal.troubles).toEqual([
    expect.stringContaining("it accepts no connections, and cannot be opened anew"),
  ]);
  taker.close();
  await mortal.trouble();
  expect(mortal.troubles.at(-1)).toBe("it had stopped accepting connections, and was opened anew");
  expect(mortal.troubles.length).toBe(2);
  expect(await answerOf(port)).toBe("ok");
  await listener.close();
});

test("closing does not wait for a call that nobody accepts", async () => {
  const mortal = new Mortal();
  const listener = await mortal.open();
  mortal.die();
  await listener.close();
  expect(mortal.troubles).toEqual([]);
});
