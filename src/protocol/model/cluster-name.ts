/** The name of a recovered cluster (recovery.ts): it says of which one, and no two of them have the same. */

const OF = "-of-";

/** `nonce`: a text that nobody else has. A cluster that is recovered again is named after the first one. */
export function recoveredName(nonce: string, cluster: string): string {
  return nonce + OF + originOf(cluster);
}

/** The cluster from which it was recovered; itself if it never was. */
export function originOf(cluster: string): string {
  return cluster.split(OF).at(-1)!;
}
