/**
 * Network namespaces (Linux, root): hosts of their own for peers. On one bridge, where they hear each other's
 * multicast and a cable can be pulled; or around one router, which can lose what one host sends to another.
 */
import { execFileSync } from "node:child_process";

export interface NetHost {
  readonly name: string;
  readonly address: string;
  /** Put before a command line to run it on this host. */
  readonly prefix: readonly string[];
}

const ip = (...args: string[]): void => {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
};

/** The router's routes for what is to be lost. */
const SINK_TABLE = "77";

/** The last one first; one that fails keeps none from being tried. */
function undoAll(steps: readonly (() => void)[]): void {
  for (const undo of steps.toReversed()) {
    try {
      undo();
    } catch (error) {
      console.error(`Cannot remove part of the test network: ${error}`);
    }
  }
}

/** What is removed is gone a little later only: each network has names and addresses of its own. */
let madeCount = 0;

export class TestNetwork implements Disposable {
  readonly hosts: readonly NetHost[];
  readonly #id: string;
  readonly #undo: (() => void)[] = [];

  constructor(hostCount: number) {
    this.#id = `st${process.pid % 100_000}${madeCount % 10}`;
    const subnet = 10 + (process.pid + madeCount) % 200;
    madeCount++;
    try {
      ip("link", "add", this.#id, "type", "bridge");
      this.#undo.push(() => ip("link", "del", this.#id));
      ip("addr", "add", `10.77.${subnet}.254/24`, "dev", this.#id);
      ip("link", "set", this.#id, "up");
      this.hosts = Array.from({ length: hostCount }, (_, index) => this.#addHost(index, subnet));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Pulls a host's cable, or puts it back. */
  plug(host: NetHost, isIn: boolean): void {
    ip("link", "set", `${host.name}v`, isIn ? "up" : "down");
  }

  [Symbol.dispose](): void {
    undoAll(this.#undo);
  }

  #addHost(index: number, subnet: number): NetHost {
    const name = `${this.#id}${"abcdefgh"[index]}`;
    const address = `10.77.${subnet}.${index + 1}`;
    ip("netns", "add", name);
    // Deleting a namespace deletes the end of the cable that is in it, and with it the other.
    this.#undo.push(() => ip("netns", "del", name));
    ip("link", "add", `${name}v`, "type", "veth", "peer", "name", "eth0", "netns", name);
    ip("link", "set", `${name}v`, "master", this.#id, "up");
    ip("-n", name, "addr", "add", `${address}/24`, "dev", "eth0");
    ip("-n", name, "link", "set", "eth0", "up");
    ip("-n", name, "link", "set", "lo", "up");
    ip("-n", name, "route", "add", "default", "via", `10.77.${subnet}.254`);
    return { name, address, prefix: ["ip", "netns", "exec", name] };
  }
}

/**
 * Hosts around a router that is a namespace of its own. A cut is silent, as in a network that is cut: no host
 * is told anything, and the connections stay. There is no multicast.
 */
export class RoutedNetwork implements Disposable {
  readonly hosts: readonly NetHost[];
  readonly #id: string;
  readonly #router: string;
  readonly #undo: (() => void)[] = [];

  constructor(hostCount: number) {
    this.#id = `sr${process.pid % 100_000}${madeCount % 10}`;
    this.#router = `${this.#id}r`;
    const subnet = 10 + (process.pid + madeCount) % 200;
    madeCount++;
    try {
      ip("netns", "add", this.#router);
      this.#undo.push(() => ip("netns", "del", this.#router));
      ip("netns", "exec", this.#router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
      this.#addSink();
      this.#connectThisHost(subnet);
      this.hosts = Array.from({ length: hostCount }, (_, index) => this.#addHost(index, subnet));
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Loses, or no longer loses, every packet of the first to the second of each pair. */
  cut(pairs: readonly (readonly [NetHost, NetHost])[], isCut: boolean): void {
    const lines = pairs.map(([from, to]) =>
      `rule ${isCut ? "add" : "del"} from ${from.address} to ${to.address} lookup ${SINK_TABLE}\n`
    );
    execFileSync("ip", ["-n", this.#router, "-batch", "-"], { input: lines.join("") });
  }

  /** Packets that were lost in cuts so far. */
  get lostCount(): number {
    const path = "/sys/class/net/sink/statistics/tx_packets";
    return Number(execFileSync("ip", ["netns", "exec", this.#router, "cat", path], { encoding: "utf8" }));
  }

  [Symbol.dispose](): void {
    undoAll(this.#undo);
  }

  /** A cable that ends nowhere: what is sent there is counted and lost. */
  #addSink(): void {
    const router = ["-n", this.#router];
    ip(...router, "link", "add", "sink", "type", "veth", "peer", "name", "nowhere");
    ip(...router, "link", "set", "nowhere", "up");
    // no address of IPv6: the kernel would look for routers now and again, and count as lost
    ip(...router, "link", "set", "sink", "addrgenmode", "none");
    ip(...router, "link", "set", "sink", "arp", "off", "up");
    ip(...router, "route", "add", "default", "dev", "sink", "table", SINK_TABLE);
  }

  /** So that clients of the tests reach the hosts. */
  #connectThisHost(subnet: number): void {
    const device = `${this.#id}v`;
    ip("link", "add", device, "type", "veth", "peer", "name", "uplink", "netns", this.#router);
    this.#undo.push(() => ip("link", "del", device));
    this.#join([], device, `10.77.${subnet}.253`, "uplink", subnet);
    ip("route", "add", `10.77.${subnet}.0/24`, "via", `10.77.${subnet}.254`, "dev", device);
  }

  #addHost(index: number, subnet: number): NetHost {
    const name = `${this.#id}${"abcdefgh"[index]}`;
    const address = `10.77.${subnet}.${index + 1}`;
    ip("netns", "add", name);
    this.#undo.push(() => ip("netns", "del", name));
    ip(
      "link",
      "add",
      `${name}v`,
      "netns",
      this.#router,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      name,
    );
    ip("-n", name, "link", "set", "lo", "up");
    this.#join(["-n", name], "eth0", address, `${name}v`, subnet);
    ip("-n", name, "route", "add", "default", "via", `10.77.${subnet}.254`, "dev", "eth0");
    return { name, address, prefix: ["ip", "netns", "exec", name] };
  }

  /** Each cable leads to the router alone. */
  #join(host: readonly string[], device: string, address: string, routerEnd: string, subnet: number): void {
    const gateway = `10.77.${subnet}.254/32`;
    ip(...host, "addr", "add", `${address}/32`, "dev", device);
    ip(...host, "link", "set", device, "up");
    ip(...host, "route", "add", gateway, "dev", device);
    ip("-n", this.#router, "addr", "add", gateway, "dev", routerEnd);
    ip("-n", this.#router, "link", "set", routerEnd, "up");
    ip("-n", this.#router, "route", "add", `${address}/32`, "dev", routerEnd);
  }
}
