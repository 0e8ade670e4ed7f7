/**
 * Hosts (network namespaces) that ask a DNS server of the test: as in a Kubernetes cluster, on one machine.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { DnsServer } from "./dns-server.ts";
import { type NetHost, TestNetwork } from "./netns.ts";

/** Why there can be none here; "" when there can. */
export function whyNoNetworks(): string {
  if (process.platform !== "linux") return "network namespaces need Linux";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  try {
    using _ = new TestNetwork(1);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message.split("\n")[0] ?? "" : String(error);
  }
}

export class NamedHosts implements AsyncDisposable {
  readonly dns: DnsServer;
  readonly #network: TestNetwork;
  readonly #directories: readonly string[];

  constructor(network: TestNetwork, dns: DnsServer, directories: readonly string[]) {
    this.#network = network;
    this.dns = dns;
    this.#directories = directories;
  }

  static async start(hostCount: number): Promise<NamedHosts> {
    const network = new TestNetwork(hostCount);
    try {
      const gateway = network.hosts[0]!.address.replace(/\d+$/, "254");
      const dns = await DnsServer.start(gateway, 53);
      const directories = network.hosts.map(({ name }) => `/etc/netns/${name}`);
      for (const directory of directories) {
        mkdirSync(directory, { recursive: true });
        // `ip netns exec` puts it in the place of the host's
        writeFileSync(`${directory}/resolv.conf`, `nameserver ${gateway}\nsearch test.svc\n`);
      }
      return new NamedHosts(network, dns, directories);
    } catch (error) {
      network[Symbol.dispose]();
      throw error;
    }
  }

  get hosts(): readonly NetHost[] {
    return this.#network.hosts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
    this.#network[Symbol.dispose]();
    await this.dns[Symbol.asyncDispose]();
  }
}
