/** Each thing that reads bytes of others, called directly: it answers, or refuses in its own way. */
import { decodeDigests, decodeMember, decodeOwnership } from "../../src/coordinator/gossip-codec.ts";
import { decodeValue } from "../../src/task/values.ts";
import { decodeCluster, decodePeers } from "../../src/mesh/control-codec.ts";
import { FrameReader } from "../../src/mesh/framing.ts";
import { decodeHello, WIRE_VERSION } from "../../src/mesh/hello.ts";
import { decodeRpc, unpackSpec } from "../../src/client/rpc-messages.ts";
import { unpackNodeCommandRequest } from "../../src/client/commands.ts";
import { decodeFrame } from "../../src/protocol/wire/frame.ts";
import { decodeRecord } from "../../src/protocol/wire/records.ts";
import { decodeState } from "../../src/protocol/wire/snapshots.ts";
import { ProtocolError } from "../../src/protocol/wire/writer.ts";
import type { Rng } from "../../src/testing/rng.ts";
import { mutated } from "./mutate.ts";
import type { Recordings } from "./recordings.ts";

export interface Finding {
  readonly surface: string;
  readonly inputHex: string;
  readonly error: string;
}

export interface Tally {
  readonly surface: string;
  inputs: number;
  rejected: number;
  seconds: number;
  readonly findings: Finding[];
}

interface Decoder {
  readonly surface: string;
  readonly corpus: readonly Uint8Array[];
  decode(bytes: Uint8Array): unknown;
  /** It refused as it should. */
  isRefusal(error: unknown): boolean;
}

const isProtocolError = (error: unknown): boolean => error instanceof ProtocolError;
/** Of our own making: it says what is wrong. What the language throws at a bug says something else. */
const saysWhy = (error: unknown): boolean =>
  error instanceof Error && !(error instanceof RangeError) &&
  /^(Cannot |sent |CBOR decode error|a message|the length|speaks protocol|is )/.test(error.message);

function decodersOf(
  { frames, records, states, hellos, peers, requests, news, values }: Recordings,
): Decoder[] {
  return [
    { surface: "protocol frames", corpus: frames, decode: decodeFrame, isRefusal: isProtocolError },
    { surface: "records of a store", corpus: records, decode: decodeRecord, isRefusal: isProtocolError },
    { surface: "snapshots", corpus: states, decode: decodeState, isRefusal: isProtocolError },
    {
      surface: "hellos",
      corpus: hellos,
      decode: (bytes) => decodeHello(bytes, WIRE_VERSION),
      isRefusal: saysWhy,
    },
    {
      surface: "lists of peers",
      corpus: peers,
      decode: (bytes) => [decodePeers(bytes), decodeCluster(bytes)],
      isRefusal: saysWhy,
    },
    { surface: "requests of clients", corpus: requests, decode: requestsIn, isRefusal: saysWhy },
    // hints: what makes no sense is undefined, and nothing is thrown
    {
      surface: "gossip",
      corpus: news,
      decode: (bytes) => [decodeMember(bytes), decodeOwnership(bytes), decodeDigests(bytes)],
      isRefusal: () => false,
    },
    { surface: "values", corpus: values, decode: (bytes) => decodeValue(bytes, "value"), isRefusal: saysWhy },
    { surface: "lengths", corpus: frames, decode: read, isRefusal: saysWhy },
  ];
}

function requestsIn(bytes: Uint8Array): void {
  for (const [, method, args] of decodeRpc(bytes)) {
    if (method === "submit" && Array.isArray(args) && Array.isArray(args[0])) args[0].map(unpackSpec);
    if (method === "commandNode") unpackNodeCommandRequest(args);
  }
}

function read(bytes: Uint8Array): void {
  const reader = new FrameReader(() => 64 * 1024, () => {});
  const cut = bytes.length >> 1;
  reader.push(bytes.subarray(0, cut));
  reader.push(bytes.subarray(cut));
}

/** Spreads the time over all of them. */
export function fuzzDecoders(rng: Rng, recordings: Recordings, seconds: number): readonly Tally[] {
  const decoders = decodersOf(recordings);
  return decoders.map((decoder) => fuzz(rng, decoder, seconds / decoders.length));
}

function fuzz(rng: Rng, { surface, corpus, decode, isRefusal }: Decoder, seconds: number): Tally {
  const tally: Tally = { surface, inputs: 0, rejected: 0, seconds, findings: [] };
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs) {
    for (let i = 0; i < 100; i++) {
      const bytes = mutated(rng, corpus);
      tally.inputs++;
      try {
        decode(bytes);
      } catch (error) {
        tally.rejected++;
        if (isRefusal(error)) continue;
        const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        if (tally.findings.length < 5) {
          tally.findings.push({ surface, inputHex: Buffer.from(bytes).toString("hex"), error: what });
        }
      }
    }
  }
  return tally;
}
