/**
 * The first message on the stream of a pair, in both directions. Its header (magic, major, minor) is the same
 * in every version, so that nodes of different versions can say why they do not talk; the body is JSON.
 */
import type { Hello, WireVersion } from "./mesh-types.ts";

/** The version of the frames that this code speaks. */
export const WIRE_VERSION: WireVersion = { major: 1, minor: 0 };

/** A hello is small; what claims to be longer is something else. */
export const HELLO_BYTES_MAX: number = 64 * 1024;

const MAGIC = new TextEncoder().encode("stolos");
const HEADER_BYTES = MAGIC.byteLength + 2;
const TEXT_CHARS_MAX = 512;
const LIST_MAX = 64;

export function encodeHello(hello: Hello): Uint8Array {
  const { wire, ...body } = hello;
  const json = new TextEncoder().encode(JSON.stringify(body));
  const bytes = new Uint8Array(HEADER_BYTES + json.byteLength);
  bytes.set(MAGIC);
  bytes[MAGIC.byteLength] = wire.major;
  bytes[MAGIC.byteLength + 1] = wire.minor;
  bytes.set(json, HEADER_BYTES);
  return bytes;
}

/** Throws an error that says what the peer did wrong, as the end of a sentence about it. */
export function decodeHello(bytes: Uint8Array, local: WireVersion): Hello {
  if (bytes.byteLength < HEADER_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new Error("sent something that is not a Stolos hello");
  }
  const wire = { major: bytes[MAGIC.byteLength]!, minor: bytes[MAGIC.byteLength + 1]! };
  if (wire.major !== local.major) {
    throw new Error(
      `speaks protocol ${wire.major}.${wire.minor}, this node speaks ${local.major}.${local.minor}`,
    );
  }
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(HEADER_BYTES)));
  } catch {
    throw new Error("sent a hello whose body is not JSON");
  }
  return readBody(body, wire);
}

function readBody(body: unknown, wire: WireVersion): Hello {
  if (typeof body !== "object" || body === null) throw new Error("sent a hello without a body");
  const of = body as Record<string, unknown>;
  const labels = of["labels"];
  if (typeof labels !== "object" || labels === null || Object.keys(labels).length > LIST_MAX) {
    throw new Error("sent a hello with a bad field: labels");
  }
  const addresses = of["addresses"];
  if (!Array.isArray(addresses) || addresses.length > LIST_MAX) {
    throw new Error("sent a hello with a bad field: addresses");
  }
  return {
    wire,
    namespace: text(of["namespace"], "namespace"),
    cluster: text(of["cluster"], "cluster"),
    name: text(of["name"], "name"),
    labels: Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, text(value, "labels")])),
    witness: of["witness"] === true,
    expect: count(of["expect"], "expect"),
    boot: count(of["boot"], "boot"),
    addresses: addresses.map((address) => text(address, "addresses")),
  };
}

function text(value: unknown, field: string): string {
  if (typeof value === "string" && value.length <= TEXT_CHARS_MAX) return value;
  throw new Error(`sent a hello with a bad field: ${field}`);
}

function count(value: unknown, field: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new Error(`sent a hello with a bad field: ${field}`);
}
