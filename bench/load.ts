/** How work is handed in, the same for both sides: in bulks or one by one, as fast as it is taken. */

/** 100 bytes. */
export const PAYLOAD: string = "x".repeat(100);

/** What is measured, for one run. */
export interface Load {
  /** Tasks measured. */
  readonly count: number;
  readonly warmUpCount: number;
  /** Tasks submitted by one call; 1 = one by one. */
  readonly bulk: number;
  /**
   * With bulks: tasks submitted and not done, at most (ours; BullMQ takes each bulk as soon as the last is
   * recorded). One by one: submits without an answer, at most (both).
   */
  readonly inFlightMax: number;
  /** A whole run, warm-up included, must be over by then. */
  readonly limitMs: number;
}

/** So many at once of `count` runs of `run`. */
export async function inParallel(count: number, atOnce: number, run: () => Promise<void>): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await run();
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane));
}
