/**
 * Lies on the local network: answers, which nobody has asked for, about members that there are not and about
 * where those that there are can be reached; questions without end; garbage. It learns what to say from what
 * members ask and answer. For hosts of their own: other programs of this host would hear it.
 */
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { toString } from "uint8arrays";

const GROUP = "224.0.0.251";
const PORT = 5353;
const TICK_MS = 20;
const TYPE_PTR = 12;
const TYPE_TXT = 16;
const CLASS_IN = 1;
const TTL_S = 120;
const RESPONSE = 0x8400;
/** Of the protobuf of an Ed25519 key as a multihash: what a peer id is made of. */
const ID_HEAD = Buffer.from("002408011220", "hex");
const TAG = /_stolos-[0-9a-f]+/;
const MEMBER = /\/ip4\/[\d.]+\/tcp\/\d+\/p2p\/(12D3Koo\w+)/g;

export interface LiarOptions {
  readonly perSecond: number;
  /** Where those are said to be that there are not: each answer names one of them. */
  readonly places: readonly string[];
}

export class MdnsLiar implements AsyncDisposable {
  readonly #options: LiarOptions;
  readonly #socket: Socket;
  readonly #members = new Set<string>();
  readonly #timer: ReturnType<typeof setInterval>;
  #service = "";
  #begun = 0;
  toldCount = 0;

  constructor(socket: Socket, options: LiarOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("message", (bytes) => this.#hear(bytes.toString("latin1")));
    const startMs = performance.now();
    this.#timer = setInterval(() => {
      const due = (performance.now() - startMs) / 1000 * options.perSecond;
      while (this.#begun < due) this.#lie(this.#begun++);
    }, TICK_MS);
  }

  static async start(options: LiarOptions): Promise<MdnsLiar> {
    const socket = createSocket({ type: "udp4", reuseAddr: true });
    socket.on("error", () => {});
    socket.bind(PORT);
    await once(socket, "listening");
    socket.addMembership(GROUP);
    return new MdnsLiar(socket, options);
  }

  get memberCount(): number {
    return this.#members.size;
  }

  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#socket.close();
    return Promise.resolve();
  }

  #hear(text: string): void {
    const [tag] = TAG.exec(text) ?? [];
    if (tag !== undefined) this.#service = `${tag}._udp.local`;
    for (const [, id = ""] of text.matchAll(MEMBER)) {
      // also its own lies come back
      if (!madeUp.has(id)) this.#members.add(id);
    }
  }

  #lie(turn: number): void {
    if (this.#service === "") return;
    const place = this.#options.places[turn % this.#options.places.length]!;
    const members = [...this.#members];
    const member = members[turn % members.length] ?? someId();
    const kinds = [
      () => answer(this.#service, `${place}/p2p/${someId()}`),
      () => answer(this.#service, `${place}/p2p/${someId()}`),
      () => answer(this.#service, `${place}/p2p/${member}`),
      () => question(this.#service),
      () => randomBytes(1 + turn % 1400),
      () => answer(this.#service, "/ip4/10.0.0.1"),
    ];
    this.#socket.send(kinds[turn % kinds.length]!(), PORT, GROUP);
    this.toldCount++;
  }
}

const madeUp = new Set<string>();

function someId(): string {
  const id = toString(Buffer.concat([ID_HEAD, randomBytes(32)]), "base58btc");
  madeUp.add(id);
  return id;
}

function nameOf(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`));
  return Buffer.concat([...labels, Buffer.alloc(1)]);
}

function head(flags: number, questions: number, answers: number): Buffer {
  return uint16s(0, flags, questions, answers, 0, 0);
}

function question(service: string): Buffer {
  return Buffer.concat([head(0, 1, 0), nameOf(service), uint16s(TYPE_PTR, CLASS_IN)]);
}

function answer(service: string, address: string): Buffer {
  const name = `${randomBytes(16).toString("hex")}.${service}`;
  const text = Buffer.from(`dnsaddr=${address}`);
  return Buffer.concat([
    head(RESPONSE, 0, 2),
    record(service, TYPE_PTR, nameOf(name)),
    record(name, TYPE_TXT, Buffer.concat([Buffer.from([text.length]), text])),
  ]);
}

function record(name: string, type: number, data: Buffer): Buffer {
  return Buffer.concat([nameOf(name), uint16s(type, CLASS_IN, 0, TTL_S, data.length), data]);
}

function uint16s(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, at) => bytes.writeUInt16BE(value, 2 * at));
  return bytes;
}
