/**
 * The durable store: a directory with one SQLite database, written by a thread of its own (sqlite-thread.ts).
 * `node:sqlite` is part of every runtime, so it costs no dependency.
 */
import { resolve } from "node:path";
import { Worker } from "node:worker_threads";
import { threadsFile } from "../base/own-file.ts";
import type { PersistRecord } from "../protocol/model/contract.ts";
import { decodeRecord } from "../protocol/wire/records.ts";
import { rowOf } from "./record-row.ts";
import { packRows, type Row, unpackRows } from "./row.ts";
import type { FromThread, PlainError, ToThread } from "./sqlite-thread.ts";
import { damaged, StoreError } from "./store-error.ts";
import type { Store } from "./store.ts";

/** How long to wait for the disk's last writes. */
const CLOSE_MS = 5000;

/**
 * Keeps a node's state in `directory`, which is made when the node is created. One directory is one node:
 * never copy it, and never put back an older copy. Nothing is done before the node is created with it.
 */
export function sqliteStore(directory: string): Store {
  if (typeof directory !== "string" || directory === "") {
    throw new TypeError(`Cannot make a store: directory must be a path, got ${JSON.stringify(directory)}`);
  }
  return new SqliteStore(resolve(directory));
}

class SqliteStore implements Store {
  readonly isDurable = true;
  readonly #directory: string;
  #thread: Worker | null = null;
  #opening: PromiseWithResolvers<void> | null = null;
  #closed: PromiseWithResolvers<void> = Promise.withResolvers();
  /** While a new node's key is kept nobody listens for trouble yet: an error rejects this. */
  #keeping: PromiseWithResolvers<void> | null = null;
  #onTrouble: ((error: StoreError | null) => void) | undefined;
  #boot = 0;
  #privateKey: Uint8Array = new Uint8Array(0);
  #records: PersistRecord[] = [];
  /** Of the newest roster. */
  #cluster: string | null = null;
  #callbacks: (() => void)[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  get boot(): number {
    return this.#boot;
  }

  open(): Promise<void> {
    if (this.#thread) {
      const message = `Cannot open the store in ${this.#directory}: it is open already, by this process`;
      return Promise.reject(new StoreError("STORE_BUSY", message));
    }
    let thread: Worker;
    try {
      thread = new Worker(threadsFile(), { workerData: { role: "store" } });
    } catch (error) {
      return Promise.reject(error);
    }
    this.#opening = Promise.withResolvers();
    this.#closed = Promise.withResolvers();
    this.#records = [];
    this.#cluster = null;
    this.#thread = thread;
    // one that was ended may still have something to say
    const listen = <T>(heard: (what: T) => void) => (what: T): void => {
      if (thread === this.#thread) heard(what);
    };
    thread.on("message", listen((message: FromThread) => this.#take(message)));
    thread.on("error", listen((error: Error) => this.#ended(error)));
    thread.on("exit", listen(() => this.#ended(null)));
    this.#send({ type: "open", directory: this.#directory });
    return this.#opening.promise;
  }

  async privateKey(make: () => Promise<Uint8Array>): Promise<Uint8Array> {
    if (this.#privateKey.length > 0) return this.#privateKey;
    // copied: of a window onto a buffer the whole buffer would be sent
    const privateKey = (await make()).slice();
    const keeping = Promise.withResolvers<void>();
    this.#keeping = keeping;
    this.#callbacks.push(keeping.resolve);
    this.#send({ type: "key", privateKey });
    await keeping.promise;
    this.#keeping = null;
    this.#privateKey = privateKey;
    return privateKey;
  }

  load(onTrouble?: (error: StoreError | null) => void): readonly PersistRecord[] {
    this.#onTrouble = onTrouble;
    const records = this.#records;
    this.#records = [];
    return records;
  }

  append(records: readonly PersistRecord[], onDurable: () => void): void {
    const rows = packRows(records.map((record) => this.#rowOf(record)));
    this.#callbacks.push(onDurable);
    this.#send({ type: "append", rows }, [rows]);
  }

  async close(): Promise<void> {
    if (!this.#thread) return;
    this.#callbacks = [];
    this.#send({ type: "close" });
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, CLOSE_MS));
    await Promise.race([this.#closed.promise, late]);
    clearTimeout(timer);
    this.#endThread();
  }

  #rowOf(record: PersistRecord): Row {
    if (record.type !== "roster") return rowOf(record, false);
    const { cluster } = record.roster;
    const isAnew = this.#cluster !== null && this.#cluster !== cluster;
    this.#cluster = cluster;
    return rowOf(record, isAnew);
  }

  #send(message: ToThread, transfer: ArrayBuffer[] = []): void {
    if (!this.#thread) throw new Error(`Cannot use the store in ${this.#directory}: it is not open`);
    this.#thread.postMessage(message, transfer);
  }

  #take(message: FromThread): void {
    switch (message.type) {
      case "rows":
        return this.#read(unpackRows(message.rows));
      case "opened":
        this.#boot = message.boot;
        this.#privateKey = message.privateKey;
        return this.#opening?.resolve();
      case "refused":
        this.#endThread();
        return this.#opening?.reject(asError(message.error));
      case "durable":
        for (const callback of this.#callbacks.splice(0, message.count)) callback();
        return;
      case "trouble":
        return this.#trouble(message.error && asError(message.error));
      case "closed":
        return this.#closed.resolve();
      default:
        return message satisfies never;
    }
  }

  #read(rows: readonly Row[]): void {
    try {
      for (const { bytes } of rows) {
        const record = decodeRecord(bytes);
        this.#records.push(record);
        if (record.type === "roster") this.#cluster = record.roster.cluster;
      }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const problem = damaged(`open the store in ${this.#directory}`, text, error);
      const opening = this.#opening;
      this.#opening = null;
      void this.close().then(() => opening?.reject(problem));
    }
  }

  /** Not waited for: it may hang in the disk. */
  #endThread(): void {
    const thread = this.#thread;
    this.#thread = null;
    thread?.unref();
    thread?.terminate().catch(() => {});
  }

  /** The thread has ended, which it must not do before the store is closed. */
  #ended(error: Error | null): void {
    this.#closed.resolve();
    const why = error ? error.message : "it has ended by itself";
    const message = `Cannot write to the store in ${this.#directory}: its thread failed: ${why}`;
    const problem = new StoreError("STORE_UNWRITABLE", message, error ? { cause: error } : {});
    this.#opening?.reject(problem);
    this.#trouble(problem);
  }

  #trouble(error: StoreError | null): void {
    if (error) this.#keeping?.reject(error);
    this.#onTrouble?.(error);
  }
}

function asError({ code, message }: PlainError): StoreError {
  return new StoreError(code, message);
}
