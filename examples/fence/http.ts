/**
 * A fence checked by an HTTP service: the client sends `Stolos-Fence`, and the service answers 412 to a
 * smaller one than it has seen for that resource, as it would to an `If-Match` that does not hold. The
 * service has to compare and write in one go, and to remember the fence as long as the resource: here
 * SQLite does both, so several processes may serve the same file. 428 without the header, or any client
 * without a fence would be let through.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { writeRow } from "./sqlite.ts";

/** `repeated`: this fence has written before, and nothing was done. `refused`: a higher one has written. */
export type Verdict = "written" | "repeated" | "refused";

/** The client's side. */
export async function putFenced(
  url: string,
  { fence, value, signal }: {
    readonly fence: bigint;
    readonly value: string;
    readonly signal?: AbortSignal;
  },
): Promise<Verdict> {
  const headers = { "Stolos-Fence": String(fence) };
  const response = await fetch(url, { method: "PUT", headers, body: value, signal: signal ?? null });
  if (response.ok || response.status === 412) return await response.text() as Verdict;
  throw new Error(`Cannot put to ${url}: expected 200 or 412, got ${response.status}`);
}

/** The service's side: PUT and GET of documents, each by its path. */
export function fencedService(db: DatabaseSync): Server {
  return createServer((request, response) => {
    answer(db, request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
}

async function answer(db: DatabaseSync, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const key = request.url ?? "/";
  if (request.method === "GET") {
    const row = db.prepare("select cast(fence as text) as fence, value from document where key = ?").get(key);
    if (!row) response.writeHead(404).end();
    else response.writeHead(200, { "Stolos-Fence": String(row["fence"]) }).end(String(row["value"]));
    return;
  }
  const given = request.headers["stolos-fence"];
  // the whole body first: whoever stops in the middle of it has written nothing
  const value = await text(request);
  if (request.method !== "PUT") response.writeHead(405).end();
  else if (given === undefined) response.writeHead(428).end("Stolos-Fence is required");
  else if (!/^\d{1,18}$/.test(String(given))) response.writeHead(400).end("Stolos-Fence must be a number");
  else {
    const verdict = writeRow(db, { key, fence: BigInt(String(given)), value });
    response.writeHead(verdict === "refused" ? 412 : 200).end(verdict);
  }
}
