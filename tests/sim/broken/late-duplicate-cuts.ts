/** Deliberately broken: a follower cuts its log behind every append, not only at a conflict. */
import type { Mutant } from "../mutant.ts";

export const mutant: Mutant = {
  name: "late-duplicate-cuts",
  breaks: "a late duplicate drops acked entries (I5)",
  file: "src/protocol/log/replica.ts",
  find: "const added = skip === 0 ? entries : entries.slice(skip);",
  replace: `if (entries.length > 0 && prevIndex + entries.length >= this.commit) this.cut(prevIndex + skip);
    const added = skip === 0 ? entries : entries.slice(skip);`,
  profile: "general",
  seed: 3,
};
