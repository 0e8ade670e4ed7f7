/** Prints the number under which a repeat of a command with the id "one" is known, on this runtime. */
import { PortClient } from "../../src/client/client.ts";
import { FakePort } from "./fake-port.ts";

const port = new FakePort();
await new PortClient(port).command("t", { type: "kill" }, { commandId: "one" });
console.log(port.commands[0]?.[1]);
