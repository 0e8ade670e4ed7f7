/**
 * A CPU profile of what is measured and nothing else: taken inside a process, and read as a list of
 * functions.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

/** Starts one here; the returned function ends it and writes a `.cpuprofile` file. */
export async function startProfile(): Promise<(file: string) => Promise<void>> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: 500 });
  await session.post("Profiler.start");
  return async (file) => {
    const { profile } = await session.post("Profiler.stop");
    writeFileSync(file, JSON.stringify(profile));
    session.disconnect();
  };
}

/** The functions with the most time of their own, one a line: percent of the busy time, name, place. */
export function hotspots(file: string, count: number): string[] {
  const shares = [...sharesOf(file, placeOf)].sort((a, b) => b[1] - a[1]).slice(0, count);
  return shares.map(([place, share]) => `${(share * 100).toFixed(1).padStart(5)} %  ${place}`);
}

/** Which part of us, or of what we stand on, a function belongs to; the first that fits. */
const AREAS: readonly (readonly [area: string, pattern: RegExp])[] = [
  ["garbage collection", /^\(garbage collector\)/],
  ["writing to sockets (system calls)", /^(writeBuffer|writev|writeGeneric)\b/],
  ["the protocol: codec", /src\/protocol\/(codec|wire|record|state-codec|slab)/],
  ["the protocol: everything else", /src\/protocol\//],
  ["coordinator", /src\/coordinator\//],
  ["consumer, client, handlers", /src\/(consumer|node)\/|bench\//],
  ["mesh: framing, queues", /src\/mesh\/(?!noise)/],
  ["encryption", /noise|chacha|node:internal\/crypto|wasm|^(update|CipherBase|Decipher|final|setAAD)\b/i],
  ["libp2p: yamux, streams", /node_modules\//],
  ["the runtime: sockets, timers, events", /node:|^\(program\)|^run\b/],
];

/** Shares of the busy time, by area, largest first. */
export function areas(file: string): readonly (readonly [area: string, share: number])[] {
  const byArea = sharesOf(file, (frame) => {
    const place = placeOf(frame);
    return AREAS.find(([, pattern]) => pattern.test(place))?.[0] ?? "other";
  });
  return [...byArea].sort((a, b) => b[1] - a[1]);
}

function sharesOf(file: string, keyOf: (frame: ProfileNode["callFrame"]) => string): Map<string, number> {
  const profile: { nodes: ProfileNode[]; samples: number[]; timeDeltas: number[] } = JSON.parse(
    readFileSync(file, "utf8"),
  );
  const busy = profile.nodes.filter(({ callFrame }) => !/^\(idle\)|node:inspector/.test(placeOf(callFrame)));
  const keyById = new Map(busy.map(({ id, callFrame }) => [id, keyOf(callFrame)]));
  const usByKey = new Map<string, number>();
  let busyUs = 0;
  profile.samples.forEach((id, at) => {
    const key = keyById.get(id);
    const us = profile.timeDeltas[at] ?? 0;
    if (key === undefined) return;
    busyUs += us;
    usByKey.set(key, (usByKey.get(key) ?? 0) + us);
  });
  return new Map([...usByKey].map(([key, us]) => [key, us / busyUs]));
}

function placeOf({ functionName, url, lineNumber }: ProfileNode["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  return `${name}  ${url.startsWith("file:") ? relative(".", fileURLToPath(url)) : url}:${lineNumber + 1}`;
}
