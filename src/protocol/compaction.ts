/**
 * Keeps what a store holds of a partition bounded: now and then it gets the state as of the last chosen
 * entry, and may forget the entries before. What the state costs is paid by as many bytes of entries.
 */
import type { Core } from "./core.ts";
import type { Replica } from "./replica.ts";
import { encodeState } from "./state-codec.ts";

export function isCompactionDue({ options }: Core, replica: Replica): boolean {
  return replica.imageDebtBytes > Math.max(options.compactBytes, replica.imageBytes);
}

export function compact(core: Core, keeper: { p: number; cfg: number; replica: Replica }): void {
  const { p, cfg, replica } = keeper;
  const { end, state } = replica.chosenState();
  const bytes = encodeState(state);
  replica.imageDebtBytes = 0;
  replica.imageBytes = bytes.length;
  core.persist({ type: "compact", p, cfg, end, state: bytes });
}
