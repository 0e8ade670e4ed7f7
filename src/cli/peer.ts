/**
 * `stolos peer`: runs a node with the `exec` handler until it is asked to stop; its events are its output.
 */
import { existsSync, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { HttpHandler, Node } from "../../mod.ts";
import { type Command, EXIT } from "./command.ts";
import { expectPositionals, parseOptions, UsageError } from "./options.ts";
import { droppedEvents, jsonLine, type Terminal } from "./output.ts";
import { answerEarly, answerLeft, openHttp } from "./peer-http.ts";
import {
  balancerOf,
  httpOf,
  logFormatOf,
  logLevelOf,
  makeBalancer,
  nodeOptionsOf,
  PEER_HELP,
  PEER_OPTIONS,
  type PeerValues,
} from "./peer-options.ts";
import { eventText, type Log, logger, PASSED_ON, peerEvent } from "./peer-output.ts";

const LEFT = "the node has left the cluster for good";

type Handlers = (node: Node) => void | Promise<void>;

export const peer: Command = {
  name: "peer",
  summary: "run a node",
  help: PEER_HELP,
  async run(args, terminal, closed) {
    const { values, positionals } = parseOptions("peer", args, PEER_OPTIONS);
    expectPositionals("peer", positionals, []);
    const given = nodeOptionsOf(values);
    const log = logger(terminal, { most: logLevelOf(values), format: logFormatOf(values) });
    const balancer = balancerOf(values);
    const httpAddress = httpOf(values);
    makeDirectory(values.data);
    const addHandlers = values.handlers === undefined ? undefined : await loadHandlers(values.handlers);
    warn(values, log);

    const asked = stopRequests(closed);
    // Loaded only now: help and bad usage are answered without the network's code.
    const [stolos, { handleExec }] = await Promise.all([import("../../mod.ts"), import("./exec/exec.ts")]);
    const store = values.data === undefined
      ? {}
      : { store: stolos.sqliteStore(resolve(values.data, "state")) };
    const registry = stolos.metricsRegistry();
    let answer: HttpHandler = answerEarly;
    const print = printer(values.json, terminal);
    const onTrouble = (address: string, reason: string): void => print("listen:trouble", { address, reason });
    await using http = httpAddress && await openHttp((request) => answer(request), httpAddress, onTrouble);
    const node = await stolos.createNode({
      ...{ ...given, ...store, balancer: await makeBalancer(balancer) },
      ...(http && { libp2pMetrics: stolos.libp2pMetrics(registry) }),
    });
    if (http) answer = stolos.httpHandler(node, { registry });
    print("listening", { node: node.id, name: node.name, addresses: node.addresses, http: http?.url });
    passEventsOn(node, print);
    const stopped = new Promise<string>((resolve) =>
      node.addEventListener(
        "stopped",
        ({ detail }) => resolve(detail.left ? LEFT : "the node has stopped by itself"),
      )
    );
    const refused = refusal(node);
    const exec = values.witness ? undefined : handleExec(node, {
      directory: values.data,
      onEvent: ({ event, ...detail }) => print(event, detail),
    });
    try {
      await addHandlers?.(node);
      const asks = asked.first.then(() => "");
      const why = await Promise.race([asks, stopped, refused]);
      if (why === LEFT) {
        log("info", LEFT);
        answer = answerLeft;
        if (values.linger) await asked.first;
        return EXIT.done;
      }
      if (why !== "") {
        log("error", why);
        return EXIT.unreachable;
      }
      log("info", "draining; a second signal stops at once");
      await stopOr(node, asked.second, log);
    } finally {
      await node.stop({ now: true });
      await exec?.[Symbol.asyncDispose]();
    }
    return EXIT.done;
  },
};

/** Why the cluster does not let the node in, before it ever was. */
function refusal(node: Node): Promise<string> {
  return new Promise((resolve) => {
    let isReady = false;
    node.addEventListener("ready", () => isReady = true);
    node.addEventListener("join:refused", ({ detail }) => isReady || resolve(`refused: ${detail.reason}`));
  });
}

/** Drains and stops, in the time that the node allows itself for it; at once when asked a second time. */
async function stopOr(node: Node, second: Promise<void>, log: Log): Promise<void> {
  const drained = node.stop().then(() => true);
  const isDrained = await Promise.race([drained, second.then(() => false)]);
  if (!isDrained) log("warn", "stopping now; what still ran is taken over when its leases end");
  // Left to itself it must not become an unhandled rejection.
  if (!isDrained) drained.catch(() => {});
}

function passEventsOn(node: Node, print: (event: string, detail: unknown) => void): void {
  const detailOf = (event: Event): unknown => (event as CustomEvent<unknown>).detail;
  for (const type of PASSED_ON) {
    node.addEventListener(type, (event: Event) => print(type, detailOf(event)));
  }
  for (const type of ["ready", "frozen", "unfrozen", "draining", "stopped"] as const) {
    node.addEventListener(
      type,
      (event: Event) => print(type, { node: node.id, ...(detailOf(event) as object) }),
    );
  }
}

function printer(json: boolean, terminal: Terminal): (event: string, detail: unknown) => void {
  return (type, detail) => {
    const event = peerEvent(type, detail);
    const now = new Date();
    const line = json ? jsonLine({ ...event, time: now.toISOString() }) : eventText(event, now);
    terminal.event(line, (dropped) => droppedEvents(dropped, json));
  };
}

/** SIGTERM, SIGINT and a reader of stdout that has gone all ask for the same. */
function stopRequests(closed: AbortSignal): { first: Promise<void>; second: Promise<void> } {
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let count = 0;
  const ask = (): void => {
    count += 1;
    (count === 1 ? first : second).resolve();
  };
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, ask);
  if (closed.aborted) ask();
  else closed.addEventListener("abort", ask, { once: true });
  return { first: first.promise, second: second.promise };
}

function warn(values: PeerValues, log: Log): void {
  if (values.data === undefined) log("info", "without --data the state is kept in memory only");
  if (values.insecure && !values.witness) log("warn", "whoever can reach this node can run commands on it");
  if (values.expect === "2") log("warn", "two nodes survive no failure: add a third, a witness will do");
}

function makeDirectory(directory: string | undefined): void {
  if (directory === undefined) return;
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`Cannot use --data ${directory}: ${why}`);
  }
}

async function loadHandlers(file: string): Promise<Handlers> {
  const path = resolve(file);
  if (!existsSync(path)) throw new UsageError(`Cannot read --handlers: there is no such file, got "${file}"`);
  const module = await import(pathToFileURL(path).href) as { handlers?: unknown; default?: unknown };
  const handlers = module.handlers ?? module.default;
  if (typeof handlers === "function") return handlers as Handlers;
  throw new UsageError(
    `Cannot use --handlers ${file}: needs an export "handlers" that is a function, got ${typeof handlers}`,
  );
}
