/**
 * One of many that works: the next is tried when the one before has failed, or is slow, and the first wins.
 */

/** A way that is slow is not given up, but the next one is tried beside it. */
const STAGGER_MS = 250;

/**
 * What the first that succeeds resolves with; undefined when all have failed. Once there is one, or `signal`
 * aborts, the signal that the others were given aborts.
 */
export async function firstOf<T, R>(
  ways: Iterable<T>,
  attempt: (way: T, signal: AbortSignal) => Promise<R>,
  signal: AbortSignal,
): Promise<R | undefined> {
  const over = new AbortController();
  const won = Promise.withResolvers<R>();
  const isOver = new Promise<void>((resolve) => {
    won.promise.then(() => resolve());
    signal.addEventListener("abort", () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  const either = AbortSignal.any([over.signal, signal]);
  let isWon = false;
  const running: Promise<void>[] = [];
  for (const way of ways) {
    if (isWon || signal.aborted) break;
    const run = attempt(way, either).then((result) => {
      isWon = true;
      won.resolve(result);
    }, () => {});
    running.push(run);
    await Promise.race([run, isOver, delay(STAGGER_MS)]);
  }
  await Promise.race([isOver, Promise.all(running)]);
  over.abort();
  return isWon ? await won.promise : undefined;
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
