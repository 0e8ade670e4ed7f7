/** `stolos id`: the peer id of a node or client before it has connected, for lists of who may connect. */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { type Command, EXIT } from "./command.ts";
import { expectPositionals, parseOptions, UsageError } from "./options.ts";
import { jsonLine } from "./output.ts";
import { identityFrom } from "./connect.ts";

const HELP = `Usage: stolos id --data DIR | --identity FILE [--json]

Prints the peer id of the node that keeps its state in DIR, or of the client whose key is in FILE: what
"stolos peer --allow ID" takes. Makes the key if there is none yet. A node must not run meanwhile.

  --data DIR       as it is given to "stolos peer"
  --identity FILE  as it is given to commands that connect as a client
  --json           one JSON object on stdout
  --help           this text`;

const OPTIONS = {
  help: { type: "boolean" },
  json: { type: "boolean" },
  data: { type: "string" },
  identity: { type: "string" },
} as const;

export const id: Command = {
  name: "id",
  summary: "the peer id of a node or client, for lists of who may connect (offline)",
  help: HELP,
  async run(args, terminal) {
    const { values, positionals } = parseOptions("id", args, OPTIONS);
    expectPositionals("id", positionals, []);
    if ((values.data === undefined) === (values.identity === undefined)) {
      throw new UsageError("Cannot print an id: needs one of --data and --identity");
    }
    const { nodeIdOf } = await import("../../mod.ts");
    const key = values.data === undefined
      ? (await identityFrom(values.identity)).privateKey!
      : await keyIn(values.data);
    const node = nodeIdOf(key);
    terminal.print(values.json ? jsonLine({ id: node }) : node);
    return EXIT.done;
  },
};

async function keyIn(directory: string): Promise<Uint8Array> {
  mkdirSync(directory, { recursive: true });
  const { makePrivateKey, sqliteStore } = await import("../../mod.ts");
  const store = sqliteStore(resolve(directory, "state"));
  await store.open();
  try {
    return await store.privateKey(makePrivateKey);
  } finally {
    await store.close();
  }
}
