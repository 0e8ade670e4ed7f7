/**
 * A broken guarantee, found by the oracle. `invariant` is its short name: I1, I2, ... L1, or X for the rest.
 */
export class Violation extends Error {
  override readonly name = "Violation";
  readonly invariant: string;

  constructor(invariant: string, message: string) {
    super(`${invariant}: ${message}`);
    this.invariant = invariant;
  }
}
