/** When one end of a link takes the other for gone: ticks without a word, or in which nothing is read. */
import { encode } from "it-length-prefixed";
import type { Stream } from "@libp2p/interface";
import { expect, test } from "bun:test";
import { KIND, Link, type LinkEnd } from "../../../src/mesh/link.ts";

class FakeStream extends EventTarget {
  /** The network takes what is written. */
  isTaking = true;
  sentCount = 0;

  send(): boolean {
    this.sentCount++;
    return this.isTaking;
  }

  abort(): void {}

  hear(...bytes: number[]): void {
    const data = encode.single(Uint8Array.from(bytes)).subarray();
    this.dispatchEvent(Object.assign(new Event("message"), { data }));
  }

  drain(): void {
    this.isTaking = true;
    this.dispatchEvent(new Event("drain"));
  }
}

class Stage {
  readonly stream = new FakeStream();
  readonly ends: LinkEnd[] = [];
  readonly link: Link;

  constructor() {
    const limits = { frameBytesMax: 1000, queueBytesMax: 10_000 };
    this.link = new Link(this.stream as unknown as Stream, new Uint8Array(1), limits, {
      hello: () => {},
      frame: () => {},
      control: () => {},
      congested: () => {},
      ended: (end) => this.ends.push(end),
    });
  }

  /** After how many ticks it ends, of so many; `each` is what happens before each of them. */
  async endsAfter(ticksMax: number, each: () => void = () => {}): Promise<number | null> {
    for (let tick = 1; tick <= ticksMax; tick++) {
      each();
      this.link.tick();
      // what a turn sends is written at its end
      await Promise.resolve();
      if (this.ends.length > 0) return tick;
    }
    return null;
  }

  greet(): this {
    this.stream.hear(0);
    return this;
  }

  /** It sends something, which the network does not take. */
  async block(): Promise<void> {
    this.stream.isTaking = false;
    this.link.send([new Uint8Array(8)]);
    await Promise.resolve();
  }
}

test("a peer that sends no hello is cut in the fifth tick without a word", async () => {
  const stage = new Stage();
  expect(await stage.endsAfter(20)).toBe(5);
  expect(stage.ends).toEqual([{ type: "dead", reason: "sent no hello for 5 s" }]);
});

test("a peer is gone in the sixth tick without a word, and gets a ping every other tick", async () => {
  const stage = new Stage().greet();
  expect(await stage.endsAfter(1)).toBeNull();
  const before = stage.stream.sentCount;
  expect(await stage.endsAfter(20)).toBe(6);
  expect(stage.ends).toEqual([{ type: "dead" }]);
  expect(stage.stream.sentCount - before).toBe(2);
});

test("a peer that talks and reads nothing is cut in the thirtieth tick", async () => {
  const stage = new Stage().greet();
  await stage.block();
  expect(await stage.endsAfter(100, () => stage.stream.hear(KIND.ping))).toBe(30);
  expect(stage.ends).toEqual([{ type: "dead", reason: "did not read for 30 s" }]);
});

test("a peer that read in between is not cut", async () => {
  const stage = new Stage().greet();
  const talk = (): void => stage.stream.hear(KIND.ping);
  await stage.block();
  expect(await stage.endsAfter(29, talk)).toBeNull();
  stage.stream.drain();
  await stage.block();
  expect(await stage.endsAfter(29, talk)).toBeNull();
});
