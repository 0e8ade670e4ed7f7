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
  const profile: { nodes: ProfileNode[]; samples: number[]; timeDeltas: number[] } = JSON.parse(
    readFileSync(file, "utf8"),
  );
  const placeById = new Map(profile.nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const usByPlace = new Map<string, number>();
  profile.samples.forEach((id, at) => {
    const place = placeById.get(id)!;
    usByPlace.set(place, (usByPlace.get(place) ?? 0) + (profile.timeDeltas[at] ?? 0));
  });
  for (const place of usByPlace.keys()) {
    if (place === "(idle)" || place.includes("node:inspector")) usByPlace.delete(place);
  }
  const busyUs = [...usByPlace.values()].reduce((sum, us) => sum + us, 0);
  return [...usByPlace].sort((a, b) => b[1] - a[1]).slice(0, count)
    .map(([place, us]) => `${(us / busyUs * 100).toFixed(1).padStart(5)} %  ${place}`);
}

function placeOf({ functionName, url, lineNumber }: ProfileNode["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  return `${name}  ${url.startsWith("file:") ? relative(".", fileURLToPath(url)) : url}:${lineNumber + 1}`;
}
