/** Streams of every kind, whoever opens them, renew the receive window when half of it is used. */
import type { StreamMuxerFactory } from "@libp2p/interface";
import { expect, test } from "bun:test";
import { sparing } from "../../../src/mesh/libp2p-care.ts";

const ESTABLISHED = 3;
const SYN_RECEIVED = 2;

/** What is looked at of yamux's streams, which renew the window after every message. */
class YamuxStream {
  state: number = ESTABLISHED;
  recvWindow = 100;
  recvWindowCapacity = 100;
  updateCount = 0;

  sendWindowUpdate(): void {
    this.updateCount++;
    this.recvWindowCapacity = this.recvWindow;
  }

  take(bytes: number): void {
    this.recvWindowCapacity -= bytes;
    this.sendWindowUpdate();
  }
}

class YamuxMuxer {
  readonly remote: YamuxStream[] = [];

  createStream(): Promise<YamuxStream> {
    return Promise.resolve(new YamuxStream());
  }

  onRemoteStream(stream: YamuxStream): void {
    this.remote.push(stream);
  }
}

function muxer(): YamuxMuxer {
  const factory = { protocol: "/yamux/1.0.0", createStreamMuxer: () => new YamuxMuxer() };
  const create = sparing(() => factory as unknown as StreamMuxerFactory);
  return create(null).createStreamMuxer(null as never) as unknown as YamuxMuxer;
}

test("one that this side opened, and one that the other side opened", async () => {
  const sparingMuxer = muxer();
  const opened = await sparingMuxer.createStream();
  sparingMuxer.onRemoteStream(new YamuxStream());
  for (const stream of [opened, sparingMuxer.remote[0]!]) {
    for (let i = 0; i < 20; i++) stream.take(10);
    expect(stream.updateCount).toBe(4);
  }
});

test("an update that carries a flag for the other side is sent at once", async () => {
  const stream = await muxer().createStream();
  stream.state = SYN_RECEIVED;
  stream.take(1);
  expect(stream.updateCount).toBe(1);
});
