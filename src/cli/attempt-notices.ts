/**
 * What `submit --wait` says on stderr while it waits: each attempt that failed, when it has, and when the
 * next one is due.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Client, LapseInfo, TaskErrorInfo, TaskInfo } from "../../mod.ts";
import { humanDuration, printable, type Terminal } from "./output.ts";

/** How often the task is looked at: at first, and when that takes long. */
const LOOK_MIN_MS = 500;
const LOOK_MAX_MS = 5000;
/** So much of the time that it has taken may pass until a failed attempt is noticed. */
const LOOK_PART = 0.05;

/** Goes on until `ended` aborts and it has looked once more. Never rejects. */
export async function noteFailedAttempts(
  client: Pick<Client, "get">,
  id: string,
  terminal: Pick<Terminal, "note">,
  ended: AbortSignal,
): Promise<void> {
  const startMs = performance.now();
  // fences only grow
  let lastFence = -1n;
  for (let isLast = false; !isLast;) {
    isLast = ended.aborted;
    // whoever cannot be asked now is asked again
    const info = await client.get(id).catch(() => undefined);
    const ends = [...info?.errors ?? [], ...info?.lapses ?? []]
      .map((end) => ({ end, fence: BigInt(end.fence) }))
      .filter(({ fence }) => fence > lastFence)
      .sort((a, b) => (a.fence < b.fence ? -1 : 1));
    for (const { end, fence } of ends) {
      lastFence = fence;
      for (const line of noticeOf(info!, end)) terminal.note(line);
    }
    const lookMs = Math.min(LOOK_MAX_MS, Math.max(LOOK_MIN_MS, (performance.now() - startMs) * LOOK_PART));
    if (!isLast) await delay(lookMs, undefined, { signal: ended }).catch(() => {});
  }
}

function noticeOf(info: TaskInfo, end: TaskErrorInfo | LapseInfo): string[] {
  const { attempt } = end;
  const wakeAt = info.fence === end.fence ? info.wakeAt : null;
  const next = wakeAt === null
    ? ""
    : `; next try in ${humanDuration(Math.max(0, Date.parse(wakeAt) - Date.now()))}`;
  if ("counted" in end) {
    const why = end.counted ? "the process of its node died" : "its node was not heard for a whole lease";
    return [`stolos: attempt ${attempt} was lost: ${why}${next}`];
  }
  const { message, cause } = end;
  const below = (cause ?? "").split("\n").filter((line) => line.trim() !== "");
  return [
    `stolos: attempt ${attempt} failed: ${printable(message)}${next}`,
    ...below.map((line) => `  ${printable(line)}`),
  ];
}
