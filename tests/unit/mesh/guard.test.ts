/** Who waits before libp2p, who has to go, and what is said of it. */
import { expect, test } from "bun:test";
import { Guard, SETUP_MAX, WAITING_MAX } from "../../../src/mesh/guard.ts";
import { XSalsa20 } from "../../../src/mesh/xsalsa20.ts";
import { FakeConnection } from "../../support/fake-connection.ts";

const KEY = new Uint8Array(32).fill(5);
const NONCE = new Uint8Array(24).fill(7);
const GREETING = Buffer.from("\x13/multistream/1.0.0\n");
/** What a peer with the secret says first. */
const WELCOME = Buffer.concat([NONCE, new XSalsa20(KEY, NONCE).update(GREETING)]);

interface Coming {
  readonly connection: FakeConnection;
  readonly isThrough: Promise<boolean>;
}

class Entrance {
  readonly reports: string[] = [];
  readonly guard: Guard;

  constructor(key: Uint8Array | null = KEY) {
    this.guard = new Guard({ key, refused: (host, reason) => this.reports.push(`${host} ${reason}`) });
  }

  /** A connection that waits, and whether it is set up in the end, which takes until `isSetUp`. */
  from(address: string, isSetUp: Promise<void> = Promise.resolve()): Coming {
    const connection = new FakeConnection(address);
    const through = this.guard.inbound(connection.asConnection, () => isSetUp);
    return { connection, isThrough: through.then(() => true, () => false) };
  }
}

test("who has the secret is through at once, and nothing is kept or reported of it", async () => {
  const entrance = new Entrance();
  const { connection, isThrough } = entrance.from("/ip4/10.0.0.1/tcp/1");
  expect(entrance.guard.waitingCount).toBe(1);
  connection.onData(WELCOME);
  expect(await isThrough).toBe(true);
  expect([entrance.guard.waitingCount, entrance.reports]).toEqual([0, []]);
});

test("of too many that wait, the oldest of the address with the most has to go", async () => {
  const entrance = new Entrance();
  const friend = entrance.from("/ip4/10.0.0.1/tcp/1");
  const few = entrance.from("/ip4/10.0.0.2/tcp/1");
  const many = Array.from({ length: WAITING_MAX - 2 }, () => entrance.from("/ip4/10.0.0.9/tcp/1"));
  const late = [entrance.from("/ip4/10.0.0.9/tcp/1"), entrance.from("/ip4/10.0.0.2/tcp/1")];
  expect(entrance.guard.waitingCount).toBe(WAITING_MAX);
  expect(many.map(({ connection }) => connection.abortedWith !== null).indexOf(false)).toBe(2);
  for (const { connection } of [friend, few, ...late]) expect(connection.abortedWith).toBeNull();
  friend.connection.onData(WELCOME);
  expect(await friend.isThrough).toBe(true);
  expect(await many[1]!.isThrough).toBe(false);
  expect(entrance.reports[0]).toBe("10.0.0.9 was cut off to make room for others: too many wait");
  for (const { connection } of [few, ...many, ...late]) connection.end();
});

test("an owner of an IPv6 network counts once, IPv4 addresses that are written so each for itself", () => {
  const entrance = new Entrance();
  const mapped = entrance.from("/ip6/::ffff:10.0.0.1/tcp/1");
  const one = entrance.from("/ip6/2001:db8:0:1::1/tcp/1");
  const all = Array.from(
    { length: WAITING_MAX - 2 },
    (_, at) => entrance.from(`/ip6/2001:db8:0:2::${at.toString(16)}/tcp/1`),
  );
  entrance.from("/ip6/::ffff:10.0.0.2/tcp/1");
  expect([mapped, one].map(({ connection }) => connection.abortedWith)).toEqual([null, null]);
  expect(all[0]!.connection.abortedWith).not.toBeNull();
  for (const { connection } of [mapped, one, ...all]) connection.end();
});

test("who repeats what a friend said takes no place from others either", async () => {
  const entrance = new Entrance();
  const never = new Promise<void>(() => {});
  const replays = Array.from({ length: SETUP_MAX }, () => entrance.from("/ip4/10.0.0.9/tcp/1", never));
  const isSetUp = Promise.withResolvers<void>();
  const friend = entrance.from("/ip4/10.0.0.1/tcp/1", isSetUp.promise);
  for (const { connection } of [...replays, friend]) connection.onData(WELCOME);
  const late = entrance.from("/ip4/10.0.0.9/tcp/1", never);
  late.connection.onData(WELCOME);
  await Promise.resolve();
  isSetUp.resolve();
  expect(await friend.isThrough).toBe(true);
  expect(replays.map(({ connection }) => connection.abortedWith !== null).indexOf(false)).toBe(2);
  for (const { connection } of [friend, late]) expect(connection.abortedWith).toBeNull();
});

test("a peer that knows the secret and cannot be set up is reported if it was refused, or late", async () => {
  const entrance = new Entrance();
  const fails = async (name: string): Promise<boolean> => {
    const error = Object.assign(new Error("no"), { name });
    const { connection, isThrough } = entrance.from("/ip4/10.0.0.1/tcp/1", Promise.reject(error));
    connection.onData(WELCOME);
    return await isThrough;
  };
  expect(await fails("ConnectionInterceptedError")).toBe(false);
  expect(await fails("EncryptionFailedError")).toBe(false);
  expect(entrance.reports).toEqual([]);
  expect(await fails("ConnectionDeniedError")).toBe(false);
  expect(entrance.reports).toEqual(["10.0.0.1 was refused: there are too many"]);
});

test("what is reported is what is known", async () => {
  const entrance = new Entrance();
  const plain = entrance.from("/ip4/10.0.0.1/tcp/1");
  plain.connection.onData(Buffer.concat([GREETING, Buffer.from("\x07/noise\n")]));
  plain.connection.end();
  const foreign = entrance.from("/ip4/10.0.0.2/tcp/1");
  foreign.connection.onData(new Uint8Array(124));
  const broken = entrance.from("/ip4/10.0.0.3/tcp/1");
  broken.connection.onData(WELCOME.subarray(0, 30));
  broken.connection.end();
  expect(await Promise.all([plain, foreign, broken].map(({ isThrough }) => isThrough))).toEqual(
    [false, false, false],
  );
  expect(entrance.reports.sort()).toEqual([
    "10.0.0.1 speaks without a secret, but this node has one",
    "10.0.0.2 sent what the secret does not open: it has another one, or none",
    "10.0.0.3 ended before its handshake was complete",
  ]);
});

test("who does not go on is cut off after three seconds", async () => {
  const entrance = new Entrance();
  const { connection, isThrough } = entrance.from("/ip4/10.0.0.1/tcp/1");
  connection.onData(WELCOME.subarray(0, 12));
  expect(await isThrough).toBe(false);
  expect(connection.abortedWith).not.toBeNull();
  expect(entrance.reports).toEqual(["10.0.0.1 did not complete its handshake within 3 s"]);
});

test("without a secret a health check is not worth a report, another program is", async () => {
  const entrance = new Entrance(null);
  const check = entrance.from("/ip4/10.0.0.1/tcp/1");
  check.connection.end();
  const other = entrance.from("/ip4/10.0.0.2/tcp/1");
  other.connection.onData(Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  await Promise.all([check.isThrough, other.isThrough]);
  expect(entrance.reports).toEqual([
    "10.0.0.2 sent what is no libp2p: it may have a secret, but this node has none",
  ]);
});
