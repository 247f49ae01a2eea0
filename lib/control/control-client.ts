/**
 * Steers one process by the decisions of operators on `afterbuild.control`, and passes hints about dependencies between
 * instances.
 *
 * The process knows all earlier decisions before its first effect: work waits until the subscription has read the topic
 * to its end. From then on a decision holds from the moment it is read, and a check each second lets flags expire.
 */
import type { Dependency } from '../runtime/dependency';
import { dependencies } from '../runtime/dependency';
import type { RecordHeaders } from '../kafka/header-text';
import type { AnySubscription } from '../runtime/subscription';
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';
import type { Control } from '../../schemas/generated';
import { refusalOf } from './acceptable';
import { decisionsSubscription, type Decision } from './decisions';
import { Flags, withoutFlags, type Effective, type FlagInForce } from './flags';
import { Hints, hintForMs, OwnHints, type HintWrite, type OwnBreaker } from './hints';
import type { ProcessName } from '../process/processes';

/** The steered object: the consumer of the process. */
export interface Steered {
  state(): {
    readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
    readonly breakers: readonly (OwnBreaker & { readonly dependency: Dependency })[];
  };
  /** How many partitions the topic has now; null while unknown. */
  partitionsOf(topic: string): number | null;
  steer(to: {
    readonly paused: boolean;
    readonly recordsPerSecond: number | null;
    readonly concurrency: number | null;
  }): void;
  hint(dependency: Dependency, untilMs: number): void;
}

interface ControlClientOptions {
  readonly process: ProcessName;
  /** Different for every instance that runs at the same time. */
  readonly instance: string;
  /** Full names. */
  readonly topics: {
    readonly control: string;
    /** The topic of the process's work; a rate is shared out by its partitions, added ones included. */
    readonly work: string;
  };
  readonly decode: (bytes: Buffer, headers: RecordHeaders) => Control | Promise<Control>;
  /** Writes a decision; null removes the one under the key. */
  readonly write: (key: string, value: Control | null) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface DecisionHooks {
  /** Decisions of other kinds; null was removed. */
  readonly onDecision: (decision: Control | null) => void;
  readonly onCaughtUp: () => void;
}

const lookEveryMs = 1_000;
const pausedLookMs = 250;

export class ControlClient {
  readonly #options: ControlClientOptions;
  readonly #flags = new Flags();
  readonly #hints: Hints;
  readonly #ownHints: OwnHints;
  readonly owner: string;
  #steered: Steered | null = null;
  #caughtUp = false;
  #effective: Effective = withoutFlags;
  #sent = '';
  #endLooking: () => void = () => undefined;
  #writing: Promise<void> | null = null;
  #writeFails = false;

  constructor(options: ControlClientOptions) {
    this.#options = options;
    this.owner = `${options.process}/${options.instance}`;
    this.#hints = new Hints(this.owner);
    this.#ownHints = new OwnHints(this.owner);
  }

  /** How the process should work now, by the flags. */
  get effective(): Effective {
    return this.#effective;
  }

  /** The flags that apply. */
  get flags(): FlagInForce[] {
    const { process, clock } = this.#options;
    return this.#flags.of(process, clock.nowMs());
  }

  /** The subscription for the consumer; it also passes other decisions on to the process. */
  subscription(hooks: DecisionHooks): AnySubscription {
    const { topics, decode } = this.#options;
    return decisionsSubscription({
      topic: topics.control,
      decode,
      onDecision: (decision) => {
        const refusal = refusalOf(decision, this.#options.clock.nowMs());
        if (refusal !== undefined) {
          const fields = { event: 'decision.refused', author: decision.value?.author };
          this.#options.logger.warn(fields, `an acceptance of a database is ignored: ${refusal}`);
          return;
        }
        this.#apply(decision);
        hooks.onDecision(decision.value);
      },
      onForgotten: () => {
        this.#flags.forget();
        this.#hints.forget();
      },
      onCaughtUp: () => {
        this.#caughtUp = true;
        this.#tellInForce();
        this.look();
        for (const hint of this.#hints.current(this.#options.clock.nowMs())) this.#passOn(hint);
        hooks.onCaughtUp();
      },
    });
  }

  /**
   * From now on the consumer follows the flags. Before its start: nothing may begin until they are known, or work that
   * waits for its schema meanwhile would run under a pause.
   */
  follow(steered: Steered): void {
    this.#steered = steered;
    steered.steer({ paused: true, recordsPerSecond: null, concurrency: null });
    this.#endLooking = this.#options.clock.every(lookEveryMs, () => this.look());
  }

  /** One tick of the timer: lets flags expire, steers, and writes hints about our breakers. */
  look(): void {
    if (!this.#caughtUp) return;
    const { process, clock } = this.#options;
    this.#effective = this.#flags.effective(process, clock.nowMs());
    this.#steer();
    this.#say();
  }

  /** Resolves when no flag pauses the process. @throws the signal's reason. */
  async untilNotPaused(signal: AbortSignal): Promise<void> {
    while (this.#effective.paused) await this.#options.clock.sleep(pausedLookMs, signal);
    signal.throwIfAborted();
  }

  /** Removes the hints about our breakers; they end with the process. Its caller waits for `withinMs` at most. */
  async end(): Promise<void> {
    this.#endLooking();
    await this.#writing;
    await this.#write(this.#ownHints.due([], this.#options.clock.nowMs()));
  }

  #apply({ key, value }: Decision): void {
    const { logger } = this.#options;
    const ignored = this.#flags.put(value, key);
    if (ignored !== null) {
      logger.warn({ event: 'flag.ignored', key }, `a flag is ignored: ${ignored}`);
    }
    const hint = this.#hints.put(value, key);
    // Decisions from before the start take effect together, at the end of the topic.
    if (!this.#caughtUp) return;
    if (hint) this.#passOn(hint);
    if (key?.startsWith('flag/') !== true) return;
    const before = JSON.stringify(this.#effective);
    this.look();
    if (JSON.stringify(this.#effective) !== before) this.#tell(key, value);
  }

  #tell(key: string, decision: Control | null): void {
    const fields = { event: 'flag.changed', key, ...this.#effective };
    if (decision === null) this.#options.logger.info(fields, 'a flag was taken back');
    else {
      const { author, reason, flag } = decision;
      const { value, expiresAtMs } = flag ?? {};
      this.#options.logger.info(
        { ...fields, value, expiresAtMs, author, reason },
        'a flag was set',
      );
    }
  }

  #tellInForce(): void {
    const { flags } = this;
    if (flags.length > 0) {
      this.#options.logger.info({ event: 'flag.in-force', flags }, 'flags are in force');
    }
  }

  #steer(): void {
    const steered = this.#steered;
    if (!steered) return;
    const { paused, concurrency } = this.#effective;
    const to = { paused, recordsPerSecond: this.#shareOfRate(steered), concurrency };
    const text = JSON.stringify(to);
    if (text === this.#sent) return;
    this.#sent = text;
    steered.steer(to);
  }

  /** The rate is one of all instances; each takes its share by its partitions. */
  #shareOfRate(steered: Steered): number | null {
    const { recordsPerSecond } = this.#effective;
    if (recordsPerSecond === null) return null;
    const { work } = this.#options.topics;
    const held = steered.state().partitions.filter(({ topic }) => topic === work).length;
    const share = Math.max(1, held);
    return (recordsPerSecond * share) / Math.max(share, steered.partitionsOf(work) ?? 0);
  }

  #passOn({ dependency, untilMs }: { dependency: string; untilMs: number }): void {
    const known = dependencies.find((one) => one === dependency);
    // An instance that claims a longer time may have ended by then, or the record is forged.
    const endsMs = Math.min(untilMs, this.#options.clock.nowMs() + hintForMs);
    if (known) this.#steered?.hint(known, endsMs);
  }

  /** One write at a time: a hint that is due meanwhile waits for the next second. */
  #say(): void {
    if (this.#writing) return;
    const breakers = this.#steered?.state().breakers ?? [];
    const due = this.#ownHints.due(breakers, this.#options.clock.nowMs());
    if (due.length === 0) return;
    this.#writing = this.#write(due).finally(() => (this.#writing = null));
  }

  /** Never rejects: a hint that is not written costs the others one failure. */
  async #write(writes: readonly HintWrite[]): Promise<void> {
    const { clock, logger, write } = this.#options;
    try {
      for (const one of writes) {
        await write(one.key, one.hint && decisionOf(one.hint, clock.nowMs()));
        this.#ownHints.written(one);
      }
      this.#writeFails = false;
    } catch (error) {
      if (this.#writeFails) return;
      this.#writeFails = true;
      logger.warn(
        { event: 'hint.unsaid', err: error },
        'a hint about a breaker could not be written',
      );
    }
  }
}

const decisionOf = (hint: NonNullable<HintWrite['hint']>, atMs: number): Control => ({
  kind: 'breaker',
  author: hint.owner,
  reason: hint.cause,
  atMs,
  acceptedDatabase: null,
  flag: null,
  breaker: hint,
});
