/**
 * A program that lists tasks, as a process on any runtime: its argument is JSON, what connectClient is to be
 * given and the filters. Prints a line for each: which tasks, how many in all, how long it took.
 */
import { connectClient, type ConnectOptions, type ListFilter } from "../../mod.ts";

export interface ListJob {
  readonly connect: ConnectOptions;
  /** Times travel as ISO texts. */
  readonly filters: readonly (Omit<ListFilter, "submittedSince" | "submittedUntil"> & {
    readonly submittedSince?: string;
    readonly submittedUntil?: string;
  })[];
}

export interface ListResult {
  /** Ids of all but the tasks that come and go. */
  readonly ids: readonly string[];
  readonly lines: number;
  readonly ms: number;
}

if (import.meta.main) {
  const { connect, filters } = JSON.parse(process.argv[2] ?? "") as ListJob;
  await using client = await connectClient(connect);
  for (const { submittedSince: since, submittedUntil: until, ...rest } of filters) {
    const startMs = performance.now();
    const filter: ListFilter = {
      ...rest,
      ...(since === undefined ? {} : { submittedSince: new Date(since) }),
      ...(until === undefined ? {} : { submittedUntil: new Date(until) }),
    };
    const ids: string[] = [];
    let lines = 0;
    for await (const { id } of client.list(filter)) {
      lines++;
      if (!id.startsWith("passing-")) ids.push(id);
    }
    const result: ListResult = { ids, lines, ms: performance.now() - startMs };
    console.log(JSON.stringify(result));
  }
  // on Deno the network keeps a process going for a while
  process.exit(0);
}
