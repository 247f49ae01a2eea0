/**
 * Whether the process may take itself for a member: for two thirds of the session from the sending of the
 * last request that the group has answered.
 *
 * By then the coordinator, which counts from when that request arrived, cannot have given its partitions
 * away, whatever has become of the answers since. The clock is the monotonic one: it goes on while the
 * process is frozen, and nobody sets it. No invariant rests on it: between the question and the effect a
 * process can be frozen, too (docs/failure-modes.md).
 */
const share = 2 / 3;

export class MembershipLease {
  readonly #lastsMs: number;
  readonly #nowMs: () => number;
  #untilMs = -Infinity;

  /** @param nowMs the monotonic clock. */
  constructor(sessionTimeoutMs: number, nowMs: () => number) {
    this.#lastsMs = share * sessionTimeoutMs;
    this.#nowMs = nowMs;
  }

  get holds(): boolean {
    return this.#nowMs() < this.#untilMs;
  }

  /** @param sentAtMs when that was sent which has been answered. @returns whether this ended a gap. */
  prove(sentAtMs: number): boolean {
    const held = this.holds;
    this.#untilMs = Math.max(this.#untilMs, sentAtMs + this.#lastsMs);
    return !held && this.holds;
  }

  /** The group has said that this is no member, or it has left. */
  revoke(): void {
    this.#untilMs = -Infinity;
  }
}
