/**
 * Preloaded into a node that is measured (`node --import`): counts what the engine of its checkout sends, and
 * says so when it is asked for "counts". It touches the inner parts of that checkout, whichever version it
 * is.
 */
import { pathToFileURL } from "node:url";

const counts: Record<string, number> = {};
const add = (name: string, more = 1): void => {
  counts[name] = (counts[name] ?? 0) + more;
};

interface Sent {
  readonly type: string;
  readonly p: number;
  readonly entries?: readonly unknown[];
  readonly tasks?: readonly unknown[];
  readonly parts?: readonly { readonly entries: readonly unknown[] }[];
}

function note(kind: "sent" | "own", message: Sent): void {
  add(`${kind}: ${message.type}`);
  if (kind === "sent") add("messages");
  if (message.type === "grant") {
    add(`granted ${kind === "own" ? "to itself" : "to others"}`, message.tasks?.length);
  }
  if (message.type === "append" && message.entries) add("entries sent", message.entries.length);
}

/** `name` of the class in `file` runs `before` first. */
async function watch(
  file: string,
  [className, name]: readonly [string, string],
  before: (self: never, args: never[]) => void,
): Promise<void> {
  const module = await import(new URL(`../src/${file}`, pathToFileURL(process.argv[1]!)).href);
  const { prototype } = module[className];
  const inner = prototype[name];
  prototype[name] = function (...args: never[]): unknown {
    before(this as never, args);
    return inner.apply(this, args);
  };
}

await watch("protocol/context/context.ts", ["Context", "send"], (self: { self: number }, [to, message]) => {
  note(to === self.self ? "own" : "sent", message!);
});
await watch("protocol/engine.ts", ["Engine", "step"], () => add("steps"));
await watch("protocol/log/replica.ts", ["Replica", "append"], () => add("entries applied"));

let traffic: () => { readonly sentFrames: number; readonly sentBytes: number } = () => ({
  sentFrames: 0,
  sentBytes: 0,
});
await watch(
  "coordinator/mesh-transport.ts",
  ["MeshTransport", "send"],
  (self: { traffic: ReturnType<typeof traffic> }) => {
    traffic = () => self.traffic;
  },
);

process.on("message", ({ type }: { readonly type: string }) => {
  if (type !== "counts") return;
  const { sentFrames, sentBytes } = traffic();
  process.send!({ type: "counts", counts: { ...counts, frames: sentFrames, bytes: sentBytes } });
});
