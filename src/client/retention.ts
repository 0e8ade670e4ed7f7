/** For how long tasks that have ended are known, as users say it: of a task, and of the cluster. */
import { checkKnown, integer, shown } from "../base/arguments.ts";
import { StateError } from "../base/errors.ts";
import type { CallOptions, ClientPort } from "../coordinator/coordinator.ts";
import { DEFAULT_RETENTION, LIMITS } from "../protocol/model/limits.ts";
import type { Retention } from "../protocol/model/types.ts";

export interface RetentionOptions {
  /** Of a task that completed. @default the cluster's, 1 h until that is changed */
  readonly completedMs?: number;
  /** Of one that failed or was killed. @default the cluster's, 7 d until that is changed */
  readonly failedMs?: number;
}

const RETENTION_MS_MIN = 1000;

/** @throws TypeError, RangeError that name the option */
export function retentionOf(attempt: string, options: unknown, otherwise: Retention): Retention {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `Cannot ${attempt}: retention must be { completedMs, failedMs } in ms, got ${shown(options)}`,
    );
  }
  checkKnown(`${attempt}: retention`, options, ["completedMs", "failedMs"]);
  const { completedMs, failedMs } = options as RetentionOptions;
  const max = LIMITS.retentionMsMax;
  const ms = (name: string, value: unknown, byDefault: number): number =>
    integer(attempt, `retention.${name}`, value, { min: RETENTION_MS_MIN, max, default: byDefault });
  return {
    completedMs: ms("completedMs", completedMs, otherwise.completedMs),
    failedMs: ms("failedMs", failedMs, otherwise.failedMs),
  };
}

/** @throws NoQuorumError */
export async function readRetention(port: ClientPort, call: CallOptions): Promise<Retention> {
  const { completedMs, failedMs } = await port.retention(call) ?? DEFAULT_RETENTION;
  return { completedMs, failedMs };
}

/** @throws StateError when somebody else set another one at the same time */
export async function setRetention(
  port: ClientPort,
  options: RetentionOptions,
  call: CallOptions,
): Promise<Retention> {
  const before = await port.retention(call);
  const wanted = retentionOf("set the retention", options, before ?? DEFAULT_RETENTION);
  if (before && before.completedMs === wanted.completedMs && before.failedMs === wanted.failedMs) {
    // some partition may have missed it
    await port.retain(before, call);
    return wanted;
  }
  await port.retain({ no: (before?.no ?? 0) + 1, ...wanted }, call);
  const { completedMs, failedMs } = await readRetention(port, call);
  if (completedMs === wanted.completedMs && failedMs === wanted.failedMs) return wanted;
  throw new StateError(
    `Cannot set the retention: another one was set at the same time, { completedMs: ${completedMs}, ` +
      `failedMs: ${failedMs} }; look at it, and set it again`,
  );
}
