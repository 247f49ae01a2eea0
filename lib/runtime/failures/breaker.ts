/**
 * The circuit breaker of one dependency, as this process sees it. Pure: time and chance are arguments.
 *
 * - CLOSED: all may run. A run of failures without a success between opens it; after a hint from another instance the
 *   first failure does.
 * - OPEN: none may begin. When the next probe is due it becomes half-open. A result of work that began before says
 *   nothing new.
 * - HALF-OPEN: one may run, as a probe. Each full round of successes doubles how many; beyond `rampMax` it is closed. A
 *   failure opens it again, for twice as long up to `probeMaxMs`. With too little work for that, it is closed once the
 *   dependency has answered and nothing has waited for `settleMs`.
 *
 * Each change begins a new epoch. A caller that enters notes the epoch; a result from an older one is ignored, or late
 * results of an outage would undo the first success after it.
 */
import type { BreakerState } from '../observer';

interface BreakerSettings {
  readonly failuresToOpen: number;
  readonly probeFirstMs: number;
  readonly probeMaxMs: number;
  /** Half-open ends when so many could have run side by side. */
  readonly rampMax: number;
  readonly settleMs: number;
}

export const breakerDefaults: BreakerSettings = {
  failuresToOpen: 3,
  probeFirstMs: 500,
  probeMaxMs: 10_000,
  rampMax: 16,
  settleMs: 10_000,
};

export class Breaker {
  readonly #settings: BreakerSettings;
  #state: BreakerState = 'closed';
  #epoch = 0;
  #failures = 0;
  #openings = 0;
  #ramp = 0;
  #successes = 0;
  /** Time of the first success since the last failure. */
  #answeredAtMs: number | null = null;
  #hintedUntilMs = 0;
  #cause = '';
  #sinceMs = 0;
  #nextProbeAtMs = 0;

  constructor(settings: BreakerSettings = breakerDefaults) {
    this.#settings = settings;
  }

  get state(): BreakerState {
    return this.#state;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Reason of the last opening; empty while it has been closed since the start. */
  get cause(): string {
    return this.#cause;
  }

  /** Time since which it has not been closed. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  get nextProbeAtMs(): number {
    return this.#nextProbeAtMs;
  }

  /** How many may run now; an open breaker whose probe is due becomes half-open here. */
  allowance(nowMs: number): number {
    if (this.#state === 'closed') return Infinity;
    if (this.#state === 'open') {
      if (nowMs < this.#nextProbeAtMs) return 0;
      this.#change('half-open');
      this.#ramp = 1;
      this.#successes = 0;
    }
    return this.#ramp;
  }

  succeeded(epoch: number, nowMs: number): void {
    if (this.#state === 'closed') this.#failures = 0;
    if (this.#state !== 'half-open' || epoch !== this.#epoch) return;
    this.#answeredAtMs ??= nowMs;
    this.#successes += 1;
    if (this.#successes < this.#ramp) return;
    this.#successes = 0;
    this.#ramp *= 2;
    if (this.#ramp <= this.#settings.rampMax) return;
    this.#hintedUntilMs = 0;
    this.close();
  }

  /**
   * When it may close although few successes have proved it; null before the first one, or when it is not half-open.
   */
  get settlesAtMs(): number | null {
    const { settleMs } = this.#settings;
    const isAnswered = this.#state === 'half-open' && this.#answeredAtMs !== null;
    return isAnswered ? (this.#answeredAtMs ?? 0) + settleMs : null;
  }

  /** @param random between 0 and 1, so that many processes do not probe at the same moment. */
  failed(epoch: number, nowMs: number, cause: string, random: number): void {
    if (this.#state === 'open' || epoch !== this.#epoch) return;
    this.#cause = cause;
    this.#answeredAtMs = null;
    if (this.#state === 'closed') {
      this.#failures += 1;
      const needed = nowMs < this.#hintedUntilMs ? 1 : this.#settings.failuresToOpen;
      if (this.#failures < needed) return;
      this.#sinceMs = nowMs;
    }
    this.#openings += 1;
    const delayMs = this.#settings.probeFirstMs * 2 ** Math.min(this.#openings - 1, 30);
    const cappedMs = Math.min(this.#settings.probeMaxMs, delayMs);
    this.#nextProbeAtMs = nowMs + Math.ceil(cappedMs * (0.5 + random / 2));
    this.#change('open');
  }

  /** Another instance reports the dependency as unavailable. That counts only together with a failure of our own. */
  hint(untilMs: number): void {
    this.#hintedUntilMs = Math.max(this.#hintedUntilMs, untilMs);
  }

  /** The dependency has answered work that was no probe, so a probe is not needed any more. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#failures = 0;
    this.#openings = 0;
    this.#answeredAtMs = null;
    this.#change('closed');
  }

  #change(state: BreakerState): void {
    this.#state = state;
    this.#epoch += 1;
  }
}
