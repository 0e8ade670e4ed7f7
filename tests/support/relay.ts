/**
 * A relay for TCP between named places, which can do to it what networks do: hold a direction back without a
 * word, let present connections die silently, delay, reset. Each pair has a listener of its own, so that it
 * knows who dials whom. What it held back is counted. What the bytes mean is nothing to it.
 */
import { createConnection, createServer, type Server, type Socket } from "node:net";

/** From whom to whom. */
export type Direction = readonly [from: string, to: string];

/** Of what is held a connection keeps so much; the rest waits in the kernel of whoever sends it. */
const HELD_BYTES_MAX = 256 * 1024;

type Item = { readonly type: "bytes"; readonly bytes: Uint8Array } | { readonly type: "end" | "reset" };

export class Relay implements AsyncDisposable {
  readonly #servers: Server[] = [];
  readonly #lines = new Set<Line>();
  readonly #cut = new Set<string>();
  readonly #delayMs = new Map<string, (connection: number) => number>();
  #heldBytes = 0;
  #connectionCount = 0;

  /** An address at which `from` reaches what listens on `port`, which is of `to`. */
  async path(from: string, to: string, port: number): Promise<string> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
      this.#lines.add(new Line(this, [from, to], socket, port, this.#connectionCount++));
    });
    this.#servers.push(server);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
    await promise;
    const address = server.address();
    return `/ip4/127.0.0.1/tcp/${typeof address === "object" && address ? address.port : 0}`;
  }

  /** Holds back, or lets go on, everything in these directions: bytes, ends, and new connections. */
  cut(directions: readonly Direction[], isCut: boolean): void {
    for (const direction of directions) {
      if (isCut) this.#cut.add(keyOf(direction));
      else this.#cut.delete(keyOf(direction));
    }
    for (const line of this.#lines) line.flush();
  }

  /**
   * Nothing comes through the present connections between the two any more, not even their end: through all
   * of them, or the one with that index in the order in which they came.
   */
  deaden(one: string, other: string, index?: number): void {
    const lines = this.#between(one, other);
    for (const line of index === undefined ? lines : lines.slice(index, index + 1)) line.deaden();
  }

  reset(one: string, other: string): void {
    for (const line of this.#between(one, other)) line.reset();
  }

  /** How much later everything in that direction arrives, for each connection by its number. */
  delay(direction: Direction, delayMs: (connection: number) => number): void {
    this.#delayMs.set(keyOf(direction), delayMs);
  }

  /** Open connections between the two, dead ones among them. */
  connectionCount(one: string, other: string): number {
    return this.#between(one, other).length;
  }

  /** Bytes that came while their direction was cut, or on a connection that was dead. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const line of [...this.#lines]) line.reset();
    await Promise.all(
      this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }

  #between(one: string, other: string): Line[] {
    return [...this.#lines].filter(({ direction }) => direction.includes(one) && direction.includes(other));
  }

  // ---- for its lines -------------------------------------------------------------------------------------

  isCut(direction: Direction): boolean {
    return this.#cut.has(keyOf(direction));
  }

  delayMsOf(direction: Direction, connection: number): number {
    return this.#delayMs.get(keyOf(direction))?.(connection) ?? 0;
  }

  held(bytes: number): void {
    this.#heldBytes += bytes;
  }

  gone(line: Line): void {
    this.#lines.delete(line);
  }
}

/** One connection: the end that was dialled from, and the one that it leads to. */
class Line {
  readonly direction: Direction;
  readonly #relay: Relay;
  readonly #near: Socket;
  readonly #port: number;
  readonly #flows: Flow[] = [];
  readonly #no: number;
  #far: Socket | null = null;
  #isDead = false;

  constructor(relay: Relay, direction: Direction, near: Socket, port: number, no: number) {
    this.#relay = relay;
    this.direction = direction;
    this.#near = near;
    this.#port = port;
    this.#no = no;
    near.on("error", () => {});
    setTimeout(() => this.flush(), relay.delayMsOf(direction, no));
  }

  /** Goes on as far as it may. */
  flush(): void {
    if (this.#isDead) return;
    if (this.#far === null && !this.#relay.isCut(this.direction)) this.#connect();
    for (const flow of this.#flows) flow.flush();
  }

  deaden(): void {
    this.#isDead = true;
    for (const flow of this.#flows) flow.deaden();
  }

  reset(): void {
    this.#near.resetAndDestroy();
    this.#far?.resetAndDestroy();
    this.#relay.gone(this);
  }

  #connect(): void {
    const [from, to] = this.direction;
    if (this.#near.destroyed) {
      this.#relay.gone(this);
      return;
    }
    const far = createConnection({ port: this.#port, host: "127.0.0.1", allowHalfOpen: true });
    this.#far = far;
    far.on("error", () => {});
    this.#flows.push(
      new Flow(this.#relay, [from, to], this.#no, this.#near, far),
      new Flow(this.#relay, [to, from], this.#no, far, this.#near),
    );
    let closed = 0;
    const onClose = (): void => {
      if (++closed === 2) this.#relay.gone(this);
    };
    this.#near.once("close", onClose);
    far.once("close", onClose);
  }
}

/** What goes through a connection in one direction, in order. */
class Flow {
  readonly #relay: Relay;
  readonly #direction: Direction;
  readonly #no: number;
  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #waiting: { readonly item: Item; readonly dueMs: number }[] = [];
  #waitingBytes = 0;
  #isDead = false;
  #hasEnded = false;

  constructor(relay: Relay, direction: Direction, no: number, source: Socket, sink: Socket) {
    this.#relay = relay;
    this.#direction = direction;
    this.#no = no;
    this.#source = source;
    this.#sink = sink;
    source.on("data", (bytes: Uint8Array) => this.#add({ type: "bytes", bytes }));
    source.once("end", () => this.#add({ type: "end" }));
    source.once("error", () => this.#add({ type: "reset" }));
    source.once("close", () => this.#add({ type: "end" }));
    sink.on("drain", () => this.flush());
    source.resume();
  }

  deaden(): void {
    this.#isDead = true;
  }

  flush(): void {
    const nowMs = performance.now();
    while (!this.#isHeld && !this.#sink.writableNeedDrain) {
      const [first] = this.#waiting;
      if (first === undefined || first.dueMs > nowMs) break;
      this.#waiting.shift();
      this.#pass(first.item);
    }
    if (this.#waitingBytes < HELD_BYTES_MAX) this.#source.resume();
    else this.#source.pause();
  }

  get #isHeld(): boolean {
    return this.#isDead || this.#relay.isCut(this.#direction);
  }

  #add(item: Item): void {
    if (this.#hasEnded) return;
    this.#hasEnded = item.type !== "bytes";
    const bytes = item.type === "bytes" ? item.bytes.byteLength : 0;
    if (this.#isHeld) this.#relay.held(bytes);
    this.#waitingBytes += bytes;
    const delayMs = this.#relay.delayMsOf(this.#direction, this.#no);
    this.#waiting.push({ item, dueMs: performance.now() + delayMs });
    if (delayMs > 0) setTimeout(() => this.flush(), delayMs + 1);
    this.flush();
  }

  #pass(item: Item): void {
    if (item.type === "bytes") {
      this.#waitingBytes -= item.bytes.byteLength;
      this.#sink.write(item.bytes);
    } else if (item.type === "end") this.#sink.end();
    else this.#sink.resetAndDestroy();
  }
}

function keyOf([from, to]: Direction): string {
  return `${from} ${to}`;
}
