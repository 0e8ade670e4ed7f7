/**
 * Which apart keys this steward node has in use at which members, as far as its own partitions go: it need
 * not offer what would be declined. Only a hint: the member itself keeps such tasks apart (admission.ts).
 */
import type { MemberNo } from "./types.ts";

export class ApartHints {
  /** By key and member: whether the lease still stands. */
  readonly #stands: Map<string, Map<MemberNo, () => boolean>> = new Map();

  isTaken(key: string, no: MemberNo): boolean {
    const byNo = this.#stands.get(key);
    const stands = byNo?.get(no);
    if (!stands) return false;
    if (stands()) return true;
    byNo!.delete(no);
    if (byNo!.size === 0) this.#stands.delete(key);
    return false;
  }

  took(key: string, no: MemberNo, stands: () => boolean): void {
    const byNo = this.#stands.get(key);
    if (byNo) byNo.set(no, stands);
    else this.#stands.set(key, new Map([[no, stands]]));
  }

  sweep(): void {
    for (const [key, byNo] of this.#stands) for (const no of [...byNo.keys()]) this.isTaken(key, no);
  }

  clear(): void {
    this.#stands.clear();
  }
}
