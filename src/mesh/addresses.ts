/**
 * What addresses say of where they can be dialled. An address of loopback is of whichever host dials it: one
 * that came from another host leads to this one.
 */
import { networkInterfaces } from "node:os";

const LOOPBACK = /^\/ip4\/127\.|^\/ip6\/(::1\/|::ffff:(127\.|7f))|^\/dns[46]?\/([^/]+\.)?localhost\//i;
/** To be listened on only. */
const UNSPECIFIED = /^\/ip4\/0\.0\.0\.0\/|^\/ip6\/::\//;

export function isLoopback(address: string): boolean {
  return LOOPBACK.test(address);
}

/** Whether what comes from there comes from this host. */
export function isOfThisHost(address: string): boolean {
  const ip = /^\/ip[46]\/([^/]+)/.exec(address)?.[1] ?? "";
  return isLoopback(`${address}/`) || interfaces().includes(ip.replace(/^::ffff:/, ""));
}

function interfaces(): string[] {
  try {
    return Object.values(networkInterfaces()).flatMap((all) => all?.map((each) => each.address) ?? []);
  } catch {
    // it may need a permission that we do not have
    return [];
  }
}

/** Where addresses come from, and to whom. */
export interface AddressSource {
  /** They come from a node on this host. */
  readonly isNear: boolean;
  /** Where this node listens, without its id. */
  readonly own: readonly string[];
}

/** Those of another node's addresses that can lead there. */
export function leadingElsewhere(addresses: readonly string[], { isNear, own }: AddressSource): string[] {
  return addresses.filter((address) =>
    (isNear || !isLoopback(address)) && !UNSPECIFIED.test(address) &&
    !own.includes(address.replace(/\/p2p\/[^/]+$/, ""))
  );
}
