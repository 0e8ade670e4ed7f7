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
    for (const ended of info ? endsAfter(info, lastFence) : []) {
      lastFence = BigInt(ended.fence);
      for (const line of noticeOf(info!, ended)) terminal.note(line);
    }
    const lookMs = Math.min(LOOK_MAX_MS, Math.max(LOOK_MIN_MS, (performance.now() - startMs) * LOOK_PART));
    if (!isLast) await delay(lookMs, undefined, { signal: ended }).catch(() => {});
  }
}

type Ended = TaskErrorInfo | LapseInfo;

/** Attempts that failed or were lost under later fences, in their order. */
function endsAfter({ errors, lapses }: TaskInfo, lastFence: bigint): Ended[] {
  return [...errors, ...lapses].filter(({ fence }) => BigInt(fence) > lastFence)
    .sort((a, b) => BigInt(a.fence) < BigInt(b.fence) ? -1 : 1);
}

function noticeOf(info: TaskInfo, ended: Ended): string[] {
  const { attempt, fence } = ended;
  if (!("message" in ended)) {
    return [
      `stolos: attempt ${attempt} was lost: ${ended.counted ? "its process died" : "its node was not heard"}`,
    ];
  }
  const { message, cause } = ended;
  const wakeAt = info.fence === fence ? info.wakeAt : null;
  const next = wakeAt === null
    ? ""
    : `; next try in ${humanDuration(Math.max(0, Date.parse(wakeAt) - Date.now()))}`;
  const below = (cause ?? "").split("\n").filter((line) => line.trim() !== "");
  return [
    `stolos: attempt ${attempt} failed: ${printable(message)}${next}`,
    ...below.map((line) => `  ${printable(line)}`),
  ];
}
