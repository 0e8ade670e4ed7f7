/** Readers of a feed: each has its own pace, and a slow one sees where it lost something. */
import { expect, test } from "bun:test";
import { EventFeed } from "../../../src/coordinator/event-feed.ts";

test("a reader that is 1,000 batches behind loses the oldest, and sees one null in their place", async () => {
  const feed = new EventFeed<number>();
  const abort = new AbortController();
  const events = feed.read(abort.signal, [0]);
  expect((await events.next()).value).toEqual([0]);
  const next = events.next();
  for (let number = 1; number <= 1500; number++) feed.publish([number]);
  const seen: (readonly number[] | null)[] = [(await next).value as readonly number[] | null];
  while (seen.length < 1000) seen.push((await events.next()).value as readonly number[] | null);
  expect(seen.slice(0, 3)).toEqual([null, [502], [503]]);
  expect(seen.filter((batch) => batch === null)).toHaveLength(1);
  expect(seen.at(-1)).toEqual([1500]);
  abort.abort();
});
