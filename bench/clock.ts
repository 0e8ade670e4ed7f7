/** The time that all processes of this machine share, in ms since the epoch, finer than `Date.now()`. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until it is so. @throws Error after `limitMs` */
export async function until(what: string, limitMs: number, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`Cannot measure: not within ${limitMs} ms: ${what}`);
    await sleep(20);
  }
}
