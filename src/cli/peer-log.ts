/** What `stolos peer` tells on stderr beside its events: lines for people, or JSON. */
import type { LogLevel } from "../../mod.ts";
import { jsonLine, printable } from "./output.ts";
import type { Terminal } from "./output.ts";
import { LOG_LEVELS } from "./peer-options.ts";
import type { LogFormat } from "./peer-options.ts";

export type Log = (level: LogLevel, text: string) => void;

export function logger(
  terminal: Terminal,
  { most, format }: { readonly most: LogLevel; readonly format: LogFormat },
): Log {
  return (level, message) => {
    if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(most)) return;
    if (format === "text") terminal.note(`stolos: ${level}: ${printable(message)}`);
    else terminal.note(jsonLine({ time: new Date().toISOString(), level, message }));
  };
}
