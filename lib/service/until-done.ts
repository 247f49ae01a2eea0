/** Repeats what depends on a server until it works: an outage costs delay, nothing else. */
import { classify } from '../failures/classify';
import { retryDelayMs } from '../process/backoff';
import { defaultSettings } from '../runtime/settings';
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';
import type { Troubles } from '../process/troubles';

const pace = { retryFirstMs: 100, retryMaxMs: 5_000 };
/** As a lane does: what fails once or twice is often gone by itself. */
const stuckAfter = defaultSettings.triesInPlace;
/** Messages that differ in more than numbers, in one spell of failures. */
const toldMax = 10;

export interface UntilDone {
  /**
   * What is not a server that is away (a bug, a missing privilege) is repeated, too, since a repair should
   * be enough; but readiness turns red for it.
   *
   * @param doing for a person, for example `reading a page`. Each reason is logged once until it works
   * again, and so is its end; what fails at the moment stands among the process's troubles.
   * @param work may call `works` when what failed has succeeded, and it waits for something else.
   * The first attempt is made in any case, so that what was begun is finished.
   * @throws the signal's reason between two attempts, and what `isFinal` says no repetition can heal.
   */
  <T>(doing: string, signal: AbortSignal, work: (works: () => void) => Promise<T>): Promise<T>;
}

export interface UntilDoneParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly troubles: Troubles;
  readonly isFinal?: (error: unknown) => boolean;
}

export function createUntilDone(parts: UntilDoneParts): UntilDone {
  const { clock, random, isFinal = () => false } = parts;
  return async (doing, signal, work) => {
    const failing = new Failing(doing, parts);
    try {
      for (;;) {
        try {
          const result = await work(() => failing.end());
          failing.end();
          return result;
        } catch (error) {
          signal.throwIfAborted();
          if (isFinal(error)) throw error;
          failing.failed(error instanceof Error ? error : new Error(String(error)));
          await clock.sleep(retryDelayMs(failing.times, pace, random), signal);
        }
      }
    } finally {
      failing.giveUp();
    }
  };
}

/** One spell of failures after the other, of one thing that is done. */
class Failing {
  times = 0;
  #sinceMs = 0;
  readonly #told = new Set<string>();

  constructor(
    private readonly doing: string,
    private readonly parts: UntilDoneParts,
  ) {}

  failed(error: Error): void {
    const { clock, troubles } = this.parts;
    if (this.times === 0) this.#sinceMs = clock.nowMs();
    this.times += 1;
    const isStuck = this.times >= stuckAfter && needsPerson(error);
    troubles.set(this, { cause: `${this.doing} fails: ${error.message}`, isStuck });
    this.#tell(error, isStuck);
  }

  end(): void {
    this.#over('dependency.back', 'works again');
  }

  /** It is not this process's to do any more: the partition went, or the process stops. */
  giveUp(): void {
    this.#over('dependency.given-up', 'given up: this process is not to do it any more');
  }

  #over(event: string, text: string): void {
    if (this.times === 0) return;
    const { clock, logger, troubles } = this.parts;
    const { doing, times: failures } = this;
    const elapsedMs = clock.nowMs() - this.#sinceMs;
    this.times = 0;
    this.#told.clear();
    troubles.end(this);
    logger.info({ event, doing, failures, elapsedMs }, text);
  }

  #tell(error: Error, isStuck: boolean): void {
    const { logger } = this.parts;
    const reason = `${String(isStuck)} ${error.message.replace(/[0-9]+/g, '0')}`;
    if (this.#told.has(reason) || this.#told.size >= toldMax) return;
    this.#told.add(reason);
    const fields = { doing: this.doing, err: error };
    if (!isStuck) logger.warn({ event: 'dependency.failed', ...fields }, 'failed, repeating');
    else {
      logger.error(
        { event: 'work.stuck', ...fields },
        'repeating in vain: this is no server that is away; a person has to look',
      );
    }
  }
}

/** Nothing that passes by itself. What the brake holds says so, and shows as held. */
function needsPerson(error: Error): boolean {
  const { kind } = classify(error);
  return kind === 'bug' || kind === 'poison';
}
