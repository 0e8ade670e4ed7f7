/** The first bytes of a connection, in pieces of any length, from a peer and from everybody else. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { Handshake } from "../../../src/mesh/handshake.ts";
import { XSalsa20 } from "../../../src/mesh/xsalsa20.ts";
import { FakeConnection } from "../../support/fake-connection.ts";

const KEY = new Uint8Array(32).fill(5);
const OTHER_KEY = new Uint8Array(32).fill(6);
const NONCE = new Uint8Array(24).fill(7);
const GREETING = Buffer.from("\x13/multistream/1.0.0\n");

/** What a peer with that key sends, as one piece. */
function hidden(key: Uint8Array, clear: Uint8Array): Buffer {
  return Buffer.concat([NONCE, new XSalsa20(key, NONCE).update(clear)]);
}

/** Cuts `bytes` into pieces of these lengths, and the rest. */
function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) pieces.push(bytes.subarray(at, at += length));
  return [...pieces, bytes.subarray(at)].filter((piece) => piece.length > 0);
}

const lengths = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 12 });
const payload = fc.uint8Array({ maxLength: 300 });

for (const key of [KEY, null]) {
  const what = key === null ? "without a secret" : "with a secret";

  test(`${what}, what a peer sends is delivered whole and in order, whatever its pieces`, () => {
    fc.assert(fc.property(payload, lengths, (data, at) => {
      const connection = new FakeConnection();
      const handshake = new Handshake(connection.asConnection, key);
      const clear = Buffer.concat([GREETING, data]);
      for (const piece of cut(key === null ? clear : hidden(key, clear), at)) connection.onData(piece);
      expect(handshake.isGreeted).toBe(true);
      expect(connection.delivered).toEqual(clear);
      expect(connection.abortedWith).toBeNull();
    }));
  });

  test(`${what}, nothing of what is no greeting is delivered, whatever its pieces`, () => {
    const garbage = fc.uint8Array({ minLength: 44, maxLength: 300 });
    fc.assert(fc.property(garbage, lengths, (data, at) => {
      const connection = new FakeConnection();
      const handshake = new Handshake(connection.asConnection, key);
      for (const piece of cut(data, at)) connection.onData(piece);
      expect(handshake.isForeign).toBe(true);
      expect(connection.delivered).toHaveLength(0);
      expect(connection.abortedWith).not.toBeNull();
    }));
  });
}

test("both ends send a nonce first, another each time, and hide the rest with it", () => {
  const connections = [new FakeConnection(), new FakeConnection()];
  for (const { asConnection } of connections) {
    new Handshake(asConnection, KEY);
    asConnection.send(GREETING.subarray(0, 5));
    asConnection.send(GREETING.subarray(5));
  }
  const [first, second] = connections.map(({ sent }) => sent) as [Buffer, Buffer];
  expect(first).toHaveLength(24 + GREETING.length);
  expect(first.subarray(0, 24)).not.toEqual(second.subarray(0, 24));
  const cipher = new XSalsa20(KEY, first.subarray(0, 24));
  expect(Buffer.from(cipher.update(first.subarray(24)))).toEqual(GREETING);
});

test("a single wrong byte is not told before the whole greeting is there", () => {
  const connection = new FakeConnection();
  const handshake = new Handshake(connection.asConnection, KEY);
  const bytes = hidden(OTHER_KEY, GREETING);
  connection.onData(bytes.subarray(0, -1));
  expect([handshake.isForeign, connection.abortedWith]).toEqual([false, null]);
  connection.onData(bytes.subarray(-1));
  expect(handshake.isForeign).toBe(true);
});

test("what is known of who does not greet", async () => {
  const connections = Array.from({ length: 4 }, () => new FakeConnection());
  const [plain, text, silent, broken] = connections.map((each) => new Handshake(each.asConnection, KEY));
  connections[0]!.onData(Buffer.concat([GREETING, Buffer.from("\x07/noise\n")]));
  connections[0]!.end();
  connections[1]!.onData(Buffer.from("SSH-2.0-OpenSSH_9.9 and more"));
  connections[2]!.abort(new Error("too late"));
  connections[3]!.abort(Object.assign(new Error("read"), { code: "ECONNRESET" }));
  expect([plain!.isPlain, plain!.isCut, plain!.text]).toEqual([true, true, null]);
  expect([text!.isPlain, text!.isCut, text!.text]).toEqual([false, false, "SSH-2.0-OpenSSH_9.9 and"]);
  expect([silent!.hasBegun, silent!.isCut]).toEqual([false, false]);
  expect([broken!.hasBegun, broken!.isCut]).toEqual([false, true]);
  await expect(silent!.greeted).rejects.toThrow("too late");
  await expect(plain!.greeted).rejects.toThrow("the connection was closed");
});

test("a connection that cannot be guarded is refused, not left open", () => {
  const unknown = { addEventListener: () => {}, send: () => true };
  expect(() => new Handshake(unknown as never, KEY)).toThrow("Cannot guard a connection");
});
