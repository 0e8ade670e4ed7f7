/** Which tasks a list is about. */
import type { TaskFilter } from "../model/task-filter.ts";
import type { Member, MemberNo, TaskRecord } from "../model/types.ts";

/** `memberOf`: the member with that number, if it is in the roster. */
export function matcherOf(
  { states, name, tag, node, idPrefix, sinceMs, untilMs }: TaskFilter,
  memberOf: (no: MemberNo) => Member | undefined,
): (record: TaskRecord) => boolean {
  const runsThere = ({ state, session }: TaskRecord): boolean => {
    const holder = state === "leased" && session ? memberOf(session.node) : undefined;
    return holder !== undefined && (holder.id === node || holder.name === node);
  };
  return (record) => {
    const { spec, state, submittedAtMs } = record;
    return (states.length === 0 || states.includes(state)) &&
      (name === "" || spec.name === name) &&
      (tag === "" || (spec.options?.tags.includes(tag) ?? false)) &&
      (idPrefix === "" || spec.id.startsWith(idPrefix)) &&
      submittedAtMs >= sinceMs && (untilMs === 0 || submittedAtMs < untilMs) &&
      (node === "" || runsThere(record));
  };
}
