/**
 * The bytes of the gossip: compact CBOR, checked field by field, because whoever is on the network may send
 * it. Hints only: a message that does not fit is dropped as a whole.
 */
import { decode, encode } from "cborg";
import type { OwnershipChange } from "../protocol/model/contract.ts";
import { LIMITS } from "../protocol/model/limits.ts";
import type { Digest } from "./ownership-view.ts";

/** What a member says of itself now and then. */
export interface MemberNews {
  readonly name: string;
  readonly version: string;
  readonly addresses: readonly string[];
  /** Tasks that it runs. */
  readonly load: number;
  readonly state: MemberState;
  readonly frozen: boolean;
  /** Null: it does not say. */
  readonly offer: MemberOffer | null;
}

/** What a member would take, and how busy it is: for balancers. */
export interface MemberOffer {
  /** Tasks at once; 0 while it takes none. */
  readonly slots: number;
  /** Hashes of the names that it has handlers for; empty with slots: too many to name. */
  readonly handlers: readonly number[];
  /** The sum of the loads that its tasks report. */
  readonly rate: number;
}

/** `stopped`: it left by itself. */
export type MemberState = "up" | "draining" | "stopped";

export interface OwnershipNews {
  readonly p: number;
  readonly changes: readonly OwnershipChange[];
}

/** Above this a message is split: gossip is for small things. */
const CHANGES_PER_MESSAGE_MAX = 500;
const ADDRESSES_MAX = 32;
const MESSAGE_BYTES_MAX = 1_048_576;
const TEXT_MAX = 512;
/** News comes every two seconds: with more handlers than this none is named. */
const HANDLERS_MAX = 64;

export function encodeMember(
  { name, version, addresses, load, state, frozen, offer }: MemberNews,
): Uint8Array {
  const fields = [name, version, addresses.slice(0, ADDRESSES_MAX), load, state];
  return encode(offer ? [...fields, frozen, encodedOffer(offer)] : [...fields, frozen]);
}

function encodedOffer({ slots, handlers, rate }: MemberOffer): readonly unknown[] {
  return [slots, handlers.length > HANDLERS_MAX ? [] : handlers, rate];
}

/** Null when there is none, as in the news of older versions; undefined when it makes no sense. */
function decodedOffer(value: unknown): MemberOffer | null | undefined {
  if (value === undefined) return null;
  if (!Array.isArray(value)) return undefined;
  const [slots, handlers, rate] = value as unknown[];
  if (!isCount(slots) || typeof rate !== "number" || !(rate >= 0 && rate < Infinity)) return undefined;
  if (!Array.isArray(handlers) || handlers.length > HANDLERS_MAX) return undefined;
  if (!handlers.every((each): each is number => Number.isInteger(each))) return undefined;
  return { slots, handlers, rate };
}

/** Undefined when it is not one. */
export function decodeMember(data: Uint8Array): MemberNews | undefined {
  const fields = decodeArray(data);
  const [name, version, addresses, load, state, frozen, offered] = fields ?? [];
  const offer = decodedOffer(offered);
  if (offer === undefined) return undefined;
  if (!isText(name) || !isText(version) || !isCount(load) || !isMemberState(state)) return undefined;
  // versions from before there was freezing say nothing of it
  if (frozen !== undefined && typeof frozen !== "boolean") return undefined;
  if (!Array.isArray(addresses) || addresses.length > ADDRESSES_MAX || !addresses.every(isText)) {
    return undefined;
  }
  return { name, version, addresses, load, state, frozen: frozen === true, offer };
}

/** As many messages as it takes. Owners are named once a message. */
export function encodeOwnership(news: readonly OwnershipNews[]): Uint8Array[] {
  const messages: Uint8Array[] = [];
  let owners: string[] = [];
  let rows: unknown[] = [];
  const close = (): void => {
    if (rows.length > 0) messages.push(encode([owners, rows]));
    owners = [];
    rows = [];
  };
  for (const { p, changes } of news) {
    for (const { id, fence, state, owner } of changes) {
      let at = owners.indexOf(owner);
      if (at < 0) at = owners.push(owner) - 1;
      rows.push([p, id, fence, state, at]);
      if (rows.length >= CHANGES_PER_MESSAGE_MAX) close();
    }
  }
  close();
  return messages;
}

/** Undefined when it is not one. */
export function decodeOwnership(data: Uint8Array): OwnershipNews[] | undefined {
  const [owners, rows] = decodeArray(data) ?? [];
  if (!Array.isArray(owners) || !owners.every(isText) || !Array.isArray(rows)) return undefined;
  const changesByPartition: Map<number, OwnershipChange[]> = new Map();
  for (const row of rows) {
    if (!Array.isArray(row)) return undefined;
    const [p, id, fence, state, at] = row as unknown[];
    const owner: unknown = isCount(at) ? owners[at] : undefined;
    if (!isCount(p) || !isText(id) || !isCount(fence) || !isText(state) || !isText(owner)) return undefined;
    const changes = changesByPartition.get(p);
    const change = { id, fence, state, owner };
    if (changes) changes.push(change);
    else changesByPartition.set(p, [change]);
  }
  return [...changesByPartition].map(([p, changes]) => ({ p, changes }));
}

export function encodeDigests(digests: ReadonlyMap<number, Digest>): Uint8Array {
  return encode([...digests].map(([p, { count, hash }]) => [p, count, hash]));
}

/** Undefined when it is not one. */
export function decodeDigests(data: Uint8Array): Map<number, Digest> | undefined {
  const rows = decodeArray(data);
  if (!rows || rows.length > LIMITS.partitionsMax) return undefined;
  const digests: Map<number, Digest> = new Map();
  for (const row of rows) {
    if (!Array.isArray(row)) return undefined;
    const [p, count, hash] = row as unknown[];
    if (!isCount(p) || !isCount(count) || !Number.isInteger(hash)) return undefined;
    digests.set(p, { count, hash: hash as number });
  }
  return digests;
}

function decodeArray(data: Uint8Array): unknown[] | undefined {
  if (data.length > MESSAGE_BYTES_MAX) return undefined;
  try {
    const value: unknown = decode(data);
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isMemberState(value: unknown): value is MemberState {
  return value === "up" || value === "draining" || value === "stopped";
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= TEXT_MAX;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
