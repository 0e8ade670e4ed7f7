/**
 * What happened in a virtual run, as text: the last lines to read, a hash of all of them to compare runs by.
 */
const LINE_CHARACTERS_MAX = 400;

export class Trace {
  /** Off: nothing is formatted, nothing is kept. */
  readonly on: boolean;
  readonly #keep: number;
  readonly #charactersMax: number;
  #lines: string[] = [];
  #a = 0x811c9dc5;
  #b = 0x1234567;

  /** Keeps the last `keep` lines, each up to `charactersMax` long. The hash is of all lines, whole. */
  constructor(on: boolean, keep: number, charactersMax: number = LINE_CHARACTERS_MAX) {
    this.on = on;
    this.#keep = keep;
    this.#charactersMax = charactersMax;
  }

  /** `what` is put after the time and the node. Call it only when `on`. */
  line(nowMs: number, node: string, what: string): void {
    const text = `${String(Math.round(nowMs * 1000) / 1000).padStart(12)} ${node.padEnd(4)} ${what}`;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      this.#a = Math.imul(this.#a ^ code, 0x01000193);
      this.#b = (Math.imul(this.#b, 31) + code) | 0;
    }
    if (this.#keep === 0) return;
    this.#lines.push(text.length > this.#charactersMax ? `${text.slice(0, this.#charactersMax)}…` : text);
    if (this.#lines.length > 2 * this.#keep + 100) this.#lines = this.#lines.slice(-this.#keep);
  }

  get lines(): readonly string[] {
    return this.#lines.slice(-this.#keep);
  }

  get hash(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, "0");
    return hex(this.#a) + hex(this.#b);
  }
}

/** Any plain value as text; bytes as their length and a checksum. */
export function describe(value: unknown): string {
  return JSON.stringify(value, (key, item: unknown) => {
    if (item instanceof Uint8Array) return key === "bytes" ? undefined : describeBytes(item);
    if (item === Infinity || item === -Infinity) return String(item);
    return item;
  });
}

function describeBytes(bytes: Uint8Array): string {
  let sum = 0;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0;
  return `#${bytes.length}:${(sum >>> 0).toString(16)}`;
}
