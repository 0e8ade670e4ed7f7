/**
 * The thread that owns a store's database, so that a slow disk stops nothing but what waits for it. Appends
 * that arrive while one commit runs make the next commit together. What cannot be written is kept and tried
 * again every second.
 */
import { parentPort } from "node:worker_threads";
import { RecordFile } from "./record-file.ts";
import { packRows, type Row, unpackRows } from "./row.ts";
import { type StoreError, type StoreErrorCode, storeErrorOf } from "./store-error.ts";

/** From the store to the thread. */
export type ToThread =
  | { readonly type: "open"; readonly directory: string }
  /** The rows of one append, packed. */
  | { readonly type: "append"; readonly rows: ArrayBuffer }
  | { readonly type: "key"; readonly privateKey: Uint8Array }
  /** Tries once more to write what waits, then ends. */
  | { readonly type: "close" };

/** From the thread to the store. */
export type FromThread =
  /** Some of the rows that were there, packed; before "opened". */
  | { readonly type: "rows"; readonly rows: ArrayBuffer }
  | { readonly type: "opened"; readonly boot: number; readonly privateKey: Uint8Array }
  | { readonly type: "refused"; readonly error: PlainError }
  /** This many more messages are durable. */
  | { readonly type: "durable"; readonly count: number }
  | { readonly type: "trouble"; readonly error: PlainError | null }
  | { readonly type: "closed" };

/** A StoreError as it crosses between threads. */
export interface PlainError {
  readonly code: StoreErrorCode;
  readonly message: string;
}

const RETRY_MS = 1000;
/** Of the rows in one message while the store is read. */
const MESSAGE_BYTES = 4 * 1024 * 1024;

if (!parentPort) throw new Error("Cannot run the store's thread: it must be started by the store");
const port = parentPort;
let file: RecordFile | null = null;
let waiting: Row[] = [];
let privateKey: Uint8Array | null = null;
/** Messages that wait to be durable. */
let waitingCount = 0;
let isInTrouble = false;
let timer: ReturnType<typeof setTimeout> | null = null;
let turn: ReturnType<typeof setImmediate> | null = null;

function send(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function plain({ code, message }: StoreError): PlainError {
  return { code, message };
}

function open(directory: string): void {
  try {
    file = RecordFile.open(directory);
  } catch (error) {
    return send({ type: "refused", error: plain(storeErrorOf(`open the store in ${directory}`, error)) });
  }
  let some: Row[] = [];
  let byteCount = 0;
  const sendRows = (): void => {
    const rows = packRows(some);
    send({ type: "rows", rows }, [rows]);
    some = [];
    byteCount = 0;
  };
  for (const row of file.takeRows()) {
    some.push(row);
    byteCount += row.bytes.length;
    if (byteCount >= MESSAGE_BYTES) sendRows();
  }
  if (some.length > 0) sendRows();
  send({ type: "opened", boot: file.boot, privateKey: file.privateKey });
}

/** Soon, so that what has arrived by now is written too; while the disk refuses, when it is due. */
function plan(): void {
  if (timer === null && turn === null) turn = setImmediate(flush);
}

function flush(): void {
  turn = timer = null;
  if (!file || waitingCount === 0) return;
  try {
    if (privateKey) file.keepPrivateKey(privateKey);
    privateKey = null;
    if (waiting.length > 0) file.commit(waiting);
  } catch (error) {
    if (!isInTrouble) send({ type: "trouble", error: plain(storeErrorOf("write to the store", error)) });
    isInTrouble = true;
    timer = setTimeout(flush, RETRY_MS);
    return;
  }
  waiting = [];
  send({ type: "durable", count: waitingCount });
  waitingCount = 0;
  if (isInTrouble) send({ type: "trouble", error: null });
  isInTrouble = false;
}

function close(): void {
  if (turn !== null) clearImmediate(turn);
  if (timer !== null) clearTimeout(timer);
  flush();
  if (timer !== null) clearTimeout(timer);
  try {
    file?.close();
  } catch { /* what was durable is, and the process lets go of the rest when it ends */ }
  send({ type: "closed" });
}

/** What the store sends. */
export function receive(message: ToThread): void {
  switch (message.type) {
    case "open":
      return open(message.directory);
    case "append":
      for (const row of unpackRows(message.rows)) waiting.push(row);
      waitingCount += 1;
      return plan();
    case "key":
      privateKey = message.privateKey;
      waitingCount += 1;
      return plan();
    case "close":
      return close();
    default:
      return message satisfies never;
  }
}
