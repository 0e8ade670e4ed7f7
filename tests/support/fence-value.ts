/** What the writers of the fence suite write under a fence. */
export function valueOf(fence: bigint): string {
  return `written under fence ${fence}`;
}
