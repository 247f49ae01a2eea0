/**
 * Whether the process may count itself a member: for two thirds of the session timeout after it sent the last request
 * that the group answered.
 *
 * The coordinator counts from the arrival of that request, so by then it cannot have given the partitions to others,
 * even if later answers were lost. The clock is the monotonic one: it goes on while the process is frozen, and no operator
 * sets it. No invariant rests on it: between the check and the effect a process can be frozen, too
 * (docs/failure-modes.md).
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

  /** @param sentAtMs when the answered request was sent. @returns whether this ended a gap. */
  prove(sentAtMs: number): boolean {
    const held = this.holds;
    this.#untilMs = Math.max(this.#untilMs, sentAtMs + this.#lastsMs);
    return !held && this.holds;
  }

  /** The group has answered that this is no member, or it has left. */
  revoke(): void {
    this.#untilMs = -Infinity;
  }
}
