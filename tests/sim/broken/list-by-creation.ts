/** Deliberately broken: pages of a list go on after the last task seen, in the order of creation. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "list-by-creation",
  breaks: "a list misses tasks that do not change (I6)",
  file: "src/protocol/steward/client-service.ts",
  find: `if (id <= after || !fits(record)) continue;`,
  replace: `if (!fits(record)) continue;
    if (!isSeen) {
      isSeen = id === after;
      continue;
    }`,
  more: [
    {
      file: "src/protocol/steward/client-service.ts",
      find: "const first: TaskRecord[] = [];",
      replace: `const first: TaskRecord[] = [];
  let isSeen = after === "";`,
    },
    {
      file: "src/protocol/steward/client-service.ts",
      find: `    if (first.length > limit) {
      if (id > first[limit]!.spec.id) continue;
      first.pop();
    }
    first.splice(placeOf(id, first), 0, record);`,
      replace: `    if (first.length > limit) break;
    first.push(record);`,
    },
  ],
  profile: "answers",
  seed: 5,
};
