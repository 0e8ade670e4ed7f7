/**
 * Recovery from a lost majority, offline: reads the directories of the survivors, makes a cluster of them,
 * and writes it into the same directories. What is written is decided by protocol/recovery.ts.
 */
import { engineOptions } from "../coordinator/settings.ts";
import { nodeIdOf } from "../mesh/private-key.ts";
import { Engine } from "../protocol/engine.ts";
import { type Recovery, recoveryOf, type Survivor } from "../protocol/recovery.ts";
import type { Roster } from "../protocol/model/types.ts";
import { sqliteStore } from "../store/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import { nodeSettings } from "./options.ts";

/**
 * `directories`: of all nodes that are left; none of them may run. Without `write` nothing is changed.
 *
 * @throws StoreError when a directory cannot be used; RangeError when they are not of one cluster
 */
export async function recover(
  directories: readonly string[],
  options: { readonly write: boolean },
): Promise<Recovery> {
  const stores = directories.map((directory) => sqliteStore(directory));
  try {
    const survivors: (Survivor & { readonly store: Store })[] = [];
    for (const [at, store] of stores.entries()) {
      survivors.push({ ...await readSurvivor(store, directories[at]!), store });
    }
    const recovery = recoveryOf(survivors);
    if (options.write) {
      for (const { id, store } of survivors) {
        await new Promise<void>((resolve) => store.append(recovery.recordsById.get(id) ?? [], resolve));
      }
    }
    return recovery;
  } finally {
    for (const store of stores) await store.close();
  }
}

async function readSurvivor(store: Store, directory: string): Promise<Survivor> {
  await store.open();
  const key = await store.privateKey(() => {
    throw new RangeError(`Cannot recover a cluster: no node has ever used the directory, got ${directory}`);
  });
  const id = nodeIdOf(key);
  const records = store.load();
  const roster = records.findLast((record) => record.type === "roster")?.roster;
  if (!roster?.members.some((member) => member.id === id)) {
    throw new RangeError(
      `Cannot recover a cluster: the node of a directory must be a member of one, got ${directory}`,
    );
  }
  return { id, roster, copies: copiesOf(id, roster, store, records) };
}

function copiesOf(
  id: string,
  roster: Roster,
  store: Store,
  records: ReturnType<Store["load"]>,
): Survivor["copies"] {
  const settings = nodeSettings({ partitions: roster.chains.length });
  const engine = new Engine(engineOptions(id, settings, store));
  engine.restore(records);
  // the first step takes the records in; what it wants to do is of no interest
  engine.step([], { monoMs: 0, leaseMs: 0, wallMs: Date.now() });
  return engine.copies();
}
