/**
 * Network namespaces on one bridge (Linux, root): hosts of their own for peers, whose cable can be pulled.
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
    for (const undo of this.#undo.reverse()) {
      try {
        undo();
      } catch (error) {
        console.error(`Cannot remove part of the test network: ${error}`);
      }
    }
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
