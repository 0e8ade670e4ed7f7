/**
 * What becomes of tasks whose commands cannot be ended, or end their supervisor: real peers on each runtime,
 * some of them an ordinary user's.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PeerEvent, PeerProcess, Runtime } from "../../examples/demo/peer-process.ts";
import { type Client, connectClient, type TaskInfo } from "../../mod.ts";
import { exec } from "../../src/cli/exec/exec.ts";
import { Cluster } from "../support/cluster.ts";
import { eventually, PATIENCE_MS } from "../support/drill.ts";
import { SudoCommand } from "../support/sudo-command.ts";
import { SudoUser } from "../support/sudo-user.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const LEASE_MS = 2000;
const NOT_PERMITTED = /cannot signal group \d+: not permitted/;

async function infoOf(client: Client, id: string): Promise<TaskInfo> {
  const info = await client.get(id);
  if (info === undefined) throw new Error(`Cannot find task ${id}`);
  return info;
}

/** Lets a process have so many descriptors at once; needs no more than its owner's rights. */
function limitDescriptors(pid: number, count: number): void {
  execFileSync("prlimit", ["--pid", String(pid), `--nofile=${count}:`]);
}

const canLimit = process.platform === "linux" && spawnSync("prlimit", ["--version"]).status === 0;

describe.each(RUNTIMES)("%s", (runtime) => {
  const directory = mkdtempSync(join(tmpdir(), "stolos-exec-"));
  const ofAll = new AsyncDisposableStack();
  let peer: PeerProcess;
  let client: Client;

  beforeAll(async () => {
    const cluster = ofAll.use(
      await Cluster.start({
        namespace: `exec-${runtime}-${process.pid}`,
        runtimes: [runtime],
        args: ["--lease-ttl", `${LEASE_MS}ms`],
        directory,
      }),
    );
    peer = cluster.peers[0]!;
    client = ofAll.use(await connectClient(await cluster.reach()));
  });

  afterAll(async () => {
    await ofAll.disposeAsync();
    rmSync(directory, { recursive: true, force: true });
  });

  test("a command that kills its supervisor fails, and none beside it is charged", async () => {
    const wait = ["sh", "-c", 'until [ -e "$0/finish" ]; do sleep 0.05; done', directory];
    const beside = await client.submit(exec, { argv: wait }, { id: "beside", attempts: 1 });
    await eventually(async () => (await infoOf(client, "beside")).state === "leased", PATIENCE_MS);
    const killer = await client.submit(exec, { argv: ["sh", "-c", "kill -9 $PPID; exec sleep 60"] }, {
      id: "killer",
      attempts: 1,
    });
    const outcome = await killer.done({ signal: AbortSignal.timeout(PATIENCE_MS) });
    expect(outcome).toMatchObject({ state: "failed", error: expect.stringContaining("supervisor") });
    writeFileSync(join(directory, "finish"), "");
    expect((await beside.done({ signal: AbortSignal.timeout(PATIENCE_MS) })).state).toBe("completed");
    expect((await infoOf(client, "beside")).errors).toEqual([]);
  });

  test.skipIf(!canLimit)("a peer that can start nothing charges that to no task", async () => {
    const pid = peer.child.pid!;
    limitDescriptors(pid, readdirSync(`/proc/${pid}/fd`).length);
    const handle = await client.submit(exec, { argv: ["true"] }, { id: "patient", attempts: 1 });
    const isTrouble = ({ event, task }: PeerEvent): boolean => event === "exec:trouble" && task === "patient";
    expect(await peer.event(isTrouble)).toMatchObject({
      reason: "its leash supervisor cannot be started: EMFILE",
    });
    // it goes back at once, and is not offered to this peer for longer each time
    const says =
      /declined it, the first until \S+; \S+ says: its leash supervisor cannot be started: EMFILE$/;
    await eventually(async () => says.test((await infoOf(client, "patient")).why ?? ""), PATIENCE_MS);
    await peer.event(() => peer.events.filter(isTrouble).length >= 3);
    limitDescriptors(pid, 1024);
    expect((await handle.done({ signal: AbortSignal.timeout(PATIENCE_MS) })).state).toBe("completed");
    expect(await infoOf(client, "patient")).toMatchObject({ errors: [], attempt: 1 });
  });
});

const why = SudoUser.missing();
if (why !== "") test.skip(`commands under sudo were not tried: ${why}`, () => {});

describe.skipIf(why !== "")("under sudo", () => {
  const ofSudo = new AsyncDisposableStack();
  let user: SudoUser;
  let sudoers: Cluster;

  beforeAll(async () => {
    user = ofSudo.use(new SudoUser());
    sudoers = ofSudo.use(
      await Cluster.start({
        namespace: `exec-sudo-${process.pid}`,
        runtimes: RUNTIMES,
        args: ["--lease-ttl", `${LEASE_MS}ms`],
        directory: user.directory,
        prefix: user.prefix,
      }),
    );
  });

  afterAll(() => ofSudo.disposeAsync());

  /** Runs a command under sudo on each runtime; what has begun is given to `use`. */
  async function withCommands(
    name: string,
    use: (client: Client, commands: Commands) => Promise<void>,
  ): Promise<void> {
    await using client = await connectClient(await sudoers.reach());
    using commands = new DisposableStack();
    const beats = mkdtempSync(join(user.directory, "beats-"));
    const commandById = new Map<string, SudoCommand>();
    for (const runtime of RUNTIMES) {
      const id = `${name}-on-${runtime}`;
      const command = commands.use(new SudoCommand(join(beats, id), "stubborn"));
      commandById.set(id, command);
      const node = `${runtime}-${RUNTIMES.indexOf(runtime)}`;
      await client.submit(exec, { argv: [...command.argv] }, { id, node });
    }
    await Promise.all([...commandById.values()].map((command) => command.attempt(1, PATIENCE_MS)));
    await use(client, commandById);
  }

  test("a command under sudo that was released is not run anew beside itself", () =>
    withCommands("released", releaseThem));

  test("a command under sudo that was told to be killed is not reported killed while it lives", () =>
    withCommands("killed", killThem));
});

type Commands = ReadonlyMap<string, SudoCommand>;

async function releaseThem(client: Client, commands: Commands): Promise<void> {
  await Promise.all([...commands].map(async ([id, command]) => {
    const [pid = 0] = command.attempts;
    await client.command(id, { type: "release" });
    expect(await command.livesAlone(pid, 2 * LEASE_MS)).toBe(true);
    expect(await infoOf(client, id)).toMatchObject({
      state: "leased",
      attempt: 1,
      why: expect.stringMatching(NOT_PERMITTED),
    });
    command.end(pid);
    const second = await command.attempt(2, PATIENCE_MS);
    expect(command.firstBeatMs(second)).toBeGreaterThan(command.lastBeatMs(pid));
  }));
}

async function killThem(client: Client, commands: Commands): Promise<void> {
  await Promise.all([...commands].map(async ([id, command]) => {
    const [pid = 0] = command.attempts;
    await client.command(id, { type: "kill" });
    expect(await command.livesAlone(pid, 2 * LEASE_MS)).toBe(true);
    const { state, why: said } = await infoOf(client, id);
    expect([state, said]).toEqual(["leased", expect.stringMatching(NOT_PERMITTED)]);
    expect(said).toContain("kill");
    command.end(pid);
    await eventually(async () => (await infoOf(client, id)).state === "killed", PATIENCE_MS);
    expect((await infoOf(client, id)).state).toBe("killed");
    expect(command.attempts).toEqual([pid]);
  }));
}
