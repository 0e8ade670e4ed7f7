/**
 * Writes to a durable store until it is killed: `store-child.ts DIR`. Says "acked N" for each numbered append
 * that is durable, so that whoever kills it knows what must be there afterwards.
 */
import { writeSync } from "node:fs";
import { sqliteStore } from "../../src/store/sqlite-store.ts";
import { record } from "./records.ts";

/** Appends under way at once: some of them share a commit. */
const AT_ONCE = 5;
const say = (text: string): void => {
  writeSync(1, `${text}\n`);
};

const store = sqliteStore(process.argv[2] ?? "");
await store.open();
await store.privateKey(() => Promise.resolve(new TextEncoder().encode("the first key")));
const last = store.load().reduce((most, each) => each.type === "append" ? each.prevIndex + 1 : most, 0);
say(`boot ${store.boot} at ${last}`);
let next = last;
const write = (): void => {
  next += 1;
  const number = next;
  const image = number % 50 === 0 ? [record.image("compact", number - 20)] : [];
  store.append([record.promise(number), record.append(number - 1, 1), ...image], () => {
    say(`acked ${number}`);
    write();
  });
};
for (let each = 0; each < AT_ONCE; each++) write();
