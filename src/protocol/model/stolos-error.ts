/** The base of all errors that users of this library may want to catch: one class for every layer. */

/** What all errors of this library have in common. */
export class StolosError extends Error {
  /** Stable, for programs; the message is for people. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = this.constructor.name;
    this.code = code;
  }
}
