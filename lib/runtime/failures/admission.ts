/**
 * Decides which micro-batch may begin now: by the breakers of what it needs, and by the live flags of operators.
 *
 * A refused lane does nothing until `onChange`, so waiting costs nothing, however many lanes wait.
 */
import type { BreakerView, Steering } from '../consumer';
import type { Clock } from '../../process/clock';
import type { Logger } from '../../process/logger';
import { Breaker } from './breaker';
import { dependencies, type Dependency } from '../dependency';
import type { BreakerState, RuntimeObserver } from '../observer';

interface AdmissionOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly observer: RuntimeObserver;
  /** Called when a caller that was refused may be admitted now. */
  readonly onChange: () => void;
}

/** The state at the moment when a micro-batch began. */
export interface Ticket {
  readonly needs: readonly Dependency[];
  readonly epochs: readonly number[];
  /** Counts up: a later ticket has a higher number. */
  readonly turn: number;
  readonly isSteered: boolean;
}

export interface Absence {
  readonly dependency: Dependency;
  readonly error: Error;
}

const settleLookMs = 1_000;

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #breakers: ReadonlyMap<Dependency, Breaker>;
  readonly #running = new Map<Dependency, number>();
  readonly #over = new AbortController();
  /** Turns of the last ticket, and of the last one whose work succeeded, by what it needed. */
  #turn = 0;
  readonly #provedTurns = new Map<Dependency, number>();
  readonly #settling = new Set<Dependency>();
  #paused = false;
  #recordsPerSecond: number | null = null;
  /** The earliest time of the next micro-batch, by the rate. */
  #freeAtMs = 0;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#breakers = new Map(dependencies.map((name) => [name, new Breaker()]));
  }

  /** @param isSteered whether pause and rate apply: they do not to topics that are only read as state. */
  mayEnter(needs: readonly Dependency[], isSteered: boolean): boolean {
    const nowMs = this.#options.clock.nowMs();
    if (isSteered && (this.#paused || nowMs < this.#freeAtMs)) return false;
    return needs.every((name) => this.#roomFor(name, nowMs));
  }

  /** @returns null for "not now". The caller must give each ticket back with `leave`. */
  enter(needs: readonly Dependency[], isSteered: boolean): Ticket | null {
    if (!this.mayEnter(needs, isSteered)) return null;
    for (const name of needs) this.#running.set(name, (this.#running.get(name) ?? 0) + 1);
    const epochs = needs.map((name) => this.#breakers.get(name)?.epoch ?? 0);
    this.#turn += 1;
    return { needs, epochs, turn: this.#turn, isSteered };
  }

  get turn(): number {
    return this.#turn;
  }

  /** Part of its work succeeded, so the dependencies that it needed are available. */
  proved({ needs, turn }: Ticket): void {
    for (const name of needs) {
      this.#provedTurns.set(name, Math.max(turn, this.#provedTurns.get(name) ?? 0));
    }
  }

  /** Whether some work that needed it, and began after that turn, succeeded. */
  isProvedSince(dependency: Dependency, turn: number): boolean {
    return (this.#provedTurns.get(dependency) ?? 0) > turn;
  }

  /**
   * @param absent the dependencies found unavailable. Every other one that was needed has answered, unless `records` is
   * 0: then no work was done.
   */
  leave(ticket: Ticket, absent: readonly Absence[], records: number): void {
    const { clock } = this.#options;
    ticket.needs.forEach((name, index) => {
      this.#running.set(name, (this.#running.get(name) ?? 1) - 1);
      const failure = absent.find(({ dependency }) => dependency === name);
      this.#tell(name, ticket.epochs[index] ?? 0, failure?.error, records);
    });
    for (const { dependency, error } of absent) {
      if (ticket.needs.includes(dependency)) continue;
      this.#tell(dependency, this.#breakers.get(dependency)?.epoch ?? 0, error, records);
    }
    if (ticket.isSteered && this.#recordsPerSecond !== null && records > 0) {
      const nowMs = clock.nowMs();
      const costMs = (1_000 * records) / this.#recordsPerSecond;
      this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + costMs;
      this.#wakeAt(this.#freeAtMs);
    }
    if (this.#isNarrow(ticket.needs)) this.#options.onChange();
  }

  /** A dependency that the lane had found unavailable, and that not every record needs, has answered the lane. */
  answered(dependency: Dependency): void {
    const breaker = this.#breakers.get(dependency);
    if (!breaker || breaker.state === 'closed') return;
    const before = breaker.state;
    breaker.close();
    this.#announce(dependency, breaker, before);
    this.#options.onChange();
  }

  steer({ paused, recordsPerSecond }: Steering): void {
    if (paused !== undefined) this.#paused = paused;
    // The same rate once more, as beside every pause, forgets nothing of what has been begun.
    if (recordsPerSecond !== undefined && recordsPerSecond !== this.#recordsPerSecond) {
      this.#recordsPerSecond = recordsPerSecond;
      this.#freeAtMs = 0;
    }
    this.#options.onChange();
  }

  hint(dependency: Dependency, untilMs: number): void {
    this.#breakers.get(dependency)?.hint(untilMs);
  }

  /** Why no work of this kind may begin at all; null when it may, even if not right now. */
  heldBy(needs: readonly Dependency[], isSteered: boolean): string | null {
    if (isSteered && this.#paused) return 'paused by a flag';
    if (isSteered && this.#options.clock.nowMs() < this.#freeAtMs) return 'slowed down by a flag';
    for (const name of needs) {
      const breaker = this.#breakers.get(name);
      if (breaker && breaker.state !== 'closed') return `${name}: ${breaker.cause}`;
    }
    return null;
  }

  /**
   * Whether fetching more would only fill memory: nothing begins before the next probe is due. False from then on, and
   * always for a partition without a record that could be the probe (`hasProbe`).
   */
  isShut(needs: readonly Dependency[], isSteered: boolean, hasProbe: boolean): boolean {
    if (isSteered && this.#paused) return true;
    if (!hasProbe) return false;
    const nowMs = this.#options.clock.nowMs();
    return needs.some((name) => {
      const breaker = this.#breakers.get(name);
      return breaker?.state === 'open' && nowMs < breaker.nextProbeAtMs;
    });
  }

  /** The breakers that are not closed. */
  views(): BreakerView[] {
    return [...this.#breakers].flatMap(([dependency, breaker]) => {
      const { state, sinceMs, nextProbeAtMs, cause } = breaker;
      return state === 'closed' ? [] : [{ dependency, state, sinceMs, nextProbeAtMs, cause }];
    });
  }

  close(): void {
    this.#over.abort(new Error('The consumer stops.'));
  }

  #roomFor(name: Dependency, nowMs: number): boolean {
    const breaker = this.#breakers.get(name);
    if (!breaker) return true;
    const before = breaker.state;
    const room = (this.#running.get(name) ?? 0) < breaker.allowance(nowMs);
    if (breaker.state !== before) this.#announce(name, breaker, before);
    return room;
  }

  #isNarrow(needs: readonly Dependency[]): boolean {
    return needs.some((name) => this.#breakers.get(name)?.state === 'half-open');
  }

  #tell(name: Dependency, epoch: number, error: Error | undefined, records: number): void {
    const breaker = this.#breakers.get(name);
    if (!breaker) return;
    const { clock, random } = this.#options;
    const before = breaker.state;
    if (error) breaker.failed(epoch, clock.nowMs(), error.message, random());
    else if (records > 0) breaker.succeeded(epoch, clock.nowMs());
    this.#settleInTime(name, breaker);
    if (breaker.state === before) return;
    this.#announce(name, breaker, before);
    if (breaker.state === 'open') this.#wakeAt(breaker.nextProbeAtMs);
    this.#options.onChange();
  }

  /** Otherwise the status would go on to show a cause that has ended, where too little work comes to prove it. */
  #settleInTime(name: Dependency, breaker: Breaker): void {
    const { clock } = this.#options;
    const atMs = breaker.settlesAtMs;
    if (atMs === null || this.#settling.has(name)) return;
    this.#settling.add(name);
    const look = (): void => {
      this.#settling.delete(name);
      const dueMs = breaker.settlesAtMs;
      if (dueMs === null) return;
      const isBusy = (this.#running.get(name) ?? 0) > 0;
      if (isBusy || clock.nowMs() < dueMs) this.#settleInTime(name, breaker);
      else this.answered(name);
    };
    const waitMs = Math.max(settleLookMs, atMs - clock.nowMs());
    clock.sleep(waitMs, this.#over.signal).then(look, () => undefined);
  }

  #announce(dependency: Dependency, breaker: Breaker, before: BreakerState): void {
    const { logger, observer, clock } = this.#options;
    const { state, cause, sinceMs, nextProbeAtMs } = breaker;
    observer.breaker(dependency, state, cause);
    const nowMs = clock.nowMs();
    const fields = { event: `breaker.${state}`, dependency, cause, heldMs: nowMs - sinceMs };
    if (state === 'closed') logger.info(fields, 'the dependency is back');
    // The first opening is logged as news, its repetitions are not.
    else if (state === 'open' && before === 'closed') {
      logger.warn({ ...fields, probeInMs: nextProbeAtMs - nowMs }, 'held: no attempt is counted');
    } else logger.debug(fields, 'the dependency is being probed');
  }

  #wakeAt(atMs: number): void {
    const { clock, onChange } = this.#options;
    const waitMs = Math.max(0, atMs - clock.nowMs());
    // A timer may fire a little before its time by the clock: the probe would not be due, and no other timer would
    // follow.
    const wake = (): void => (clock.nowMs() < atMs ? this.#wakeAt(atMs) : onChange());
    clock.sleep(waitMs, this.#over.signal).then(wake, () => undefined);
  }
}
