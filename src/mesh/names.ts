/**
 * Addresses with names: what DNS says of them now. The system's resolver is asked, so that /etc/hosts and the
 * search domains of /etc/resolv.conf count, and all A and AAAA records are taken: behind a headless service
 * of
 * Kubernetes each is another node.
 */
import { lookup as systemLookup } from "node:dns/promises";

/** All addresses of a host; rejects when it has none. `family` 0 = both. */
export type Lookup = (
  host: string,
  family: 0 | 4 | 6,
) => Promise<readonly { readonly address: string; readonly family: number }[]>;

export const lookupAll: Lookup = (host, family) => systemLookup(host, { all: true, family });

/** So many addresses of one name are dialled. */
const ADDRESSES_MAX = 64;
const NAMED = /^\/(dns|dns4|dns6)\/([^/]+)(\/.*)?$/;
const FAMILY_BY_PROTOCOL = { dns: 0, dns4: 4, dns6: 6 } as const;

/** `/dns/…`, `/dns4/…` and `/dns6/…`. A `/dnsaddr/…` is libp2p's own and is resolved by it. */
export function isNamed(address: string): boolean {
  return NAMED.test(address);
}

/** The same address once for each of the host's, sorted; one without a name is left as it is. */
export async function resolveAddress(address: string, lookup: Lookup = lookupAll): Promise<string[]> {
  const match = NAMED.exec(address);
  if (!match) return [address];
  const [, protocol, host = "", rest = ""] = match;
  const found = await lookup(host, FAMILY_BY_PROTOCOL[protocol as keyof typeof FAMILY_BY_PROTOCOL]);
  // an address of a zone (fe80::1%eth0) is of this host alone
  const plain = found.filter((each) => !each.address.includes("%"));
  const all = plain.map((each) => `/ip${each.family === 6 ? 6 : 4}/${each.address}${rest}`);
  return [...new Set(all)].sort().slice(0, ADDRESSES_MAX);
}
