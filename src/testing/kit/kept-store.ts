/** What a simulated node keeps over its crashes: its records, durable as soon as they are written. */
import type { PersistRecord } from "../../protocol/api.ts";
import type { Store } from "../../store/store.ts";

export class KeptRecords {
  readonly #records: PersistRecord[] = [];
  #boot = 0;

  /** The store of the next life. */
  open(): Store {
    const boot = ++this.#boot;
    return {
      boot,
      isDurable: true,
      onTrouble: null,
      open: () => Promise.resolve(),
      privateKey: (make) => make(),
      load: () => [...this.#records],
      append: (records, onDurable) => {
        // a life that is over writes nothing any more
        if (boot === this.#boot) { for (const record of records) this.#records.push(record); }
        onDurable();
      },
      close: () => Promise.resolve(),
    };
  }
}
