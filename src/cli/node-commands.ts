/** `stolos freeze|unfreeze|balance|drain NODE`: has one node do something. */
import { type Command, EXIT } from "./command.ts";
import { CLIENT_HELP, connect, nodeNamed } from "./connect.ts";
import { CLIENT_OPTIONS, expectPositionals, parseOptions } from "./options.ts";
import { jsonLine, printable } from "./output.ts";

interface Words {
  readonly type: "freeze" | "unfreeze" | "balance" | "drain";
  readonly summary: string;
  readonly about: string;
  /** What is said when it is done. */
  readonly done: string;
}

/** Starts nothing new there. */
export const freeze: Command = commandOf({
  type: "freeze",
  summary: "have a node start nothing new",
  about: `The node starts nothing new and does not balance; what it runs goes on. It lasts until
"stolos unfreeze", or until the node's process ends. "stolos nodes" shows it.`,
  done: "is frozen",
});

/** Ends a freeze. */
export const unfreeze: Command = commandOf({
  type: "unfreeze",
  summary: "have a frozen node start tasks again",
  about: "The node starts tasks again.",
  done: "is not frozen",
});

/** Has a node's balancer look at what it runs. */
export const balance: Command = commandOf({
  type: "balance",
  summary: "have a node give back what others should run",
  about: "The node gives back what its balancer thinks that others should run, even if it is frozen.",
  done: "has balanced",
});

/** Empties a node. */
export const drain: Command = commandOf({
  type: "drain",
  summary: "have a node give back all its tasks",
  about: `The node takes nothing new and gives back what it runs, for good: it goes on keeping its
partitions, and runs tasks again only when its process is started again. Returns when it has begun;
"stolos nodes" shows the tasks that are left.`,
  done: "drains",
});

function commandOf({ type, summary, about, done }: Words): Command {
  return {
    name: type,
    summary,
    help: `Usage: stolos ${type} [OPTION]… NODE

NODE is the name or id of a node.

${about}

${CLIENT_HELP}`,
    async run(args, terminal) {
      const { values, positionals, rest } = parseOptions(type, args, CLIENT_OPTIONS);
      const names = [...positionals, ...rest ?? []];
      expectPositionals(type, names, ["NODE"]);
      const [name = ""] = names;
      await using client = await connect(values);
      const info = await nodeNamed(client, name);
      if (info === undefined) {
        terminal.note(`stolos: no node is called "${printable(name)}"`);
        return EXIT.missing;
      }
      await client.commandNode(info.node, { type });
      if (values.json) terminal.print(jsonLine({ node: info.node, name: info.name, command: type }));
      else terminal.print(`${printable(info.name)} ${done}`);
      return EXIT.done;
    },
  };
}
