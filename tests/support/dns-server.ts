/** A DNS server on UDP that answers what a test gives it: A and AAAA records of a few names, and no other. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { Resolver } from "node:dns/promises";
import { isIPv6 } from "node:net";
import type { Lookup } from "../../src/mesh/mesh-types.ts";

const TYPE_A = 1;
const TYPE_AAAA = 28;
const NO_SUCH_NAME = 3;

export class DnsServer implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #addressesByName = new Map<string, readonly string[]>();
  /** Names that were asked for, in order. */
  readonly asked: string[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("message", (question, from) => {
      const answer = this.#answer(question);
      if (answer !== null) socket.send(answer, from.port, from.address);
    });
  }

  static async start(address = "127.0.0.1", port = 0): Promise<DnsServer> {
    const socket = createSocket("udp4");
    socket.bind(port, address);
    await once(socket, "listening");
    return new DnsServer(socket);
  }

  /** From now on the name has these addresses; none: it does not exist. */
  set(name: string, addresses: readonly string[]): void {
    this.#addressesByName.set(name, addresses);
  }

  /** Asks this server alone, over UDP. */
  get lookup(): Lookup {
    const resolver = new Resolver({ tries: 1, timeout: 2000 });
    resolver.setServers([`127.0.0.1:${this.#socket.address().port}`]);
    return async (host, family) => {
      const [v4, v6] = await Promise.allSettled([
        family === 6 ? [] : resolver.resolve4(host),
        family === 4 ? [] : resolver.resolve6(host),
      ]);
      const found = [v4, v6].flatMap((each, at) =>
        each.status === "fulfilled" ? each.value.map((address) => ({ address, family: at * 2 + 4 })) : []
      );
      if (found.length > 0) return found;
      const failed = [v4, v6].find((each) => each.status === "rejected");
      throw failed?.reason ?? new Error(`no address of ${host}`);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  #answer(question: Buffer): Buffer | null {
    const labels: string[] = [];
    let at = 12;
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    if (question.length < at + 5) return null;
    const type = question.readUInt16BE(at + 1);
    const name = labels.join(".").toLowerCase();
    this.asked.push(name);
    const known = this.#addressesByName.get(name) ?? [];
    const answers = known.filter((each) => (isIPv6(each) ? TYPE_AAAA : TYPE_A) === type);
    const head = Buffer.alloc(12);
    question.copy(head, 0, 0, 2);
    head.writeUInt16BE(0x8580 | (known.length === 0 ? NO_SUCH_NAME : 0), 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(answers.length, 6);
    return Buffer.concat([head, question.subarray(12, at + 5), ...answers.map(record)]);
  }
}

/** For the name of the question, valid for no time at all. */
function record(address: string): Buffer {
  const data = isIPv6(address) ? bytesOfV6(address) : Buffer.from(address.split(".").map(Number));
  const head = Buffer.from([
    0xc0,
    12,
    0,
    isIPv6(address) ? TYPE_AAAA : TYPE_A,
    0,
    1,
    0,
    0,
    0,
    0,
    0,
    data.length,
  ]);
  return Buffer.concat([head, data]);
}

function bytesOfV6(address: string): Buffer {
  const [before = "", after = ""] = address.split("::");
  const groups = (text: string): string[] => text === "" ? [] : text.split(":");
  const [left, right] = [groups(before), groups(after)];
  const middle = new Array<string>(8 - left.length - right.length).fill("0");
  const data = Buffer.alloc(16);
  [...left, ...middle, ...right].forEach((group, at) => data.writeUInt16BE(parseInt(group, 16), at * 2));
  return data;
}
