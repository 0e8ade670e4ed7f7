/** One process of the NATS side: `worker` takes messages, `producer` makes the stream and publishes. */
import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { nowMs, sleep } from "./clock.ts";
import { latencyOf } from "./latency.ts";
import { PAYLOAD } from "./load.ts";
import type { Singles } from "./ours-producer.ts";

export interface NatsOptions {
  readonly role: "worker" | "producer";
  readonly port: number;
}

interface Question {
  readonly type: "single" | "stop";
  readonly count: number;
}

const STREAM = "bench";
const TASKS = "bench.tasks";
const DONE = "done";
const options: NatsOptions = JSON.parse(process.argv[2] ?? "{}");
const nats = await connect({ servers: `127.0.0.1:${options.port}` });
process.on("disconnect", () => process.exit(1));

/** Each message goes to one worker, is redelivered unless acked, and is gone when it is. */
async function makeQueue(): Promise<void> {
  const manager = await jetstreamManager(nats);
  await manager.streams.add({
    name: STREAM,
    subjects: [TASKS],
    storage: StorageType.Memory,
    retention: RetentionPolicy.Workqueue,
  });
  await manager.consumers.add(STREAM, { durable_name: "workers", ack_policy: AckPolicy.Explicit });
}

/** Reports an end when the server has recorded it, as the other sides do. */
async function work(): Promise<void> {
  const consumer = await jetstream(nats).consumers.get(STREAM, "workers");
  const messages = await consumer.consume();
  for await (const message of messages) {
    const startedMs = nowMs();
    await message.ackAck();
    nats.publish(DONE, String(startedMs));
  }
}

async function single(count: number): Promise<Singles> {
  const stream = jetstream(nats);
  let onDone: (startedMs: number) => void = () => {};
  const ends = nats.subscribe(DONE, { callback: (_error, message) => onDone(Number(message.string())) });
  await nats.flush();
  const payload = JSON.stringify(PAYLOAD);
  const [recorded, started, done]: [number[], number[], number[]] = [[], [], []];
  for (let at = 0; at < count; at++) {
    const end = new Promise<number>((resolve) => onDone = resolve);
    const beginMs = nowMs();
    await stream.publish(TASKS, payload);
    recorded.push(nowMs() - beginMs);
    const startedMs = await end;
    done.push(nowMs() - beginMs);
    started.push(startedMs - beginMs);
    await sleep(5);
  }
  ends.unsubscribe();
  return { recorded: latencyOf(recorded), started: latencyOf(started), done: latencyOf(done) };
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}

process.on("message", (question: Question) => {
  if (question.type === "stop") process.exit(0);
  single(question.count).then((singles) => process.send!({ type: "singled", ...singles }), fail);
});
if (options.role === "producer") await makeQueue();
else work().catch(fail);
process.send!({ type: "ready" });
