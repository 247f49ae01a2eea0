/** Repeats work that depends on a server until it succeeds: an outage costs delay, nothing else. */
import { classify } from '../failures/classify';
import { retryDelayMs } from '../process/backoff';
import { defaultSettings } from '../runtime/settings';
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';
import type { Troubles } from '../process/troubles';

const pace = { retryFirstMs: 100, retryMaxMs: 5_000 };
/** As in a lane: a failure that occurs once or twice often passes by itself. */
const stuckAfter = defaultSettings.triesInPlace;
/** Messages logged in one spell of failures; those that differ in numbers only count as one. */
const loggedMax = 10;

export interface UntilDone {
  /**
   * Any other failure than an unavailable server (a bug, a missing privilege) is repeated, too, since a repair should
   * be enough; but readiness turns red for it.
   *
   * @param doing for operators, for example `reading a page`. Each reason is logged once until it works again, and so
   * is its end. Several pieces of work that fail for one reason share one warning; each current failure is listed among
   * the process's troubles.
   * @param work may call `works` when the failed part has succeeded and it waits for something else. The first attempt
   * is always made, so that begun work is finished.
   * @throws the signal's reason between two attempts, and errors that `isFinal` marks as hopeless to repeat.
   */
  <T>(doing: string, signal: AbortSignal, work: (works: () => void) => Promise<T>): Promise<T>;
}

interface UntilDoneParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  readonly troubles: Troubles;
  readonly isFinal?: (error: unknown) => boolean;
}

export function createUntilDone(parts: UntilDoneParts): UntilDone {
  const { clock, random, isFinal = () => false } = parts;
  const warned = new Warned();
  return async (doing, signal, work) => {
    const failing = new Failing(doing, parts, warned);
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

/** The reasons that were warned of, for as long as some work fails for them: an unavailable server is one thing. */
class Warned {
  readonly #failing = new Map<string, Set<object>>();

  /** @returns whether no warning names it yet. */
  isNews(reason: string, who: object): boolean {
    const others = this.#failing.get(reason);
    if (others === undefined) this.#failing.set(reason, new Set([who]));
    else others.add(who);
    return others === undefined;
  }

  over(who: object): void {
    for (const [reason, failing] of this.#failing) {
      failing.delete(who);
      if (failing.size === 0) this.#failing.delete(reason);
    }
  }
}

/** One spell of failures after the other, of one piece of work. */
class Failing {
  times = 0;
  #sinceMs = 0;
  readonly #logged = new Set<string>();
  /** The end is of use only to a reader of its beginning. */
  #endLevel: 'info' | 'debug' = 'debug';

  constructor(
    private readonly doing: string,
    private readonly parts: UntilDoneParts,
    private readonly warned: Warned,
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

  /** It is not this process's work any more: the partition was lost, or the process stops. */
  giveUp(): void {
    this.#over('dependency.given-up', 'given up: this process does not do this work any more');
  }

  #over(event: string, text: string): void {
    if (this.times === 0) return;
    const { clock, logger, troubles } = this.parts;
    const { doing, times: failures } = this;
    const elapsedMs = clock.nowMs() - this.#sinceMs;
    this.times = 0;
    this.#logged.clear();
    this.warned.over(this);
    troubles.end(this);
    logger[this.#endLevel]({ event, doing, failures, elapsedMs }, text);
    this.#endLevel = 'debug';
  }

  #tell(error: Error, isStuck: boolean): void {
    const { logger } = this.parts;
    const message = error.message.replace(/[0-9]+/g, '0');
    const reason = `${String(isStuck)} ${message}`;
    if (this.#logged.has(reason) || this.#logged.size >= loggedMax) return;
    this.#logged.add(reason);
    const fields = { doing: this.doing, err: error };
    if (!isStuck) {
      // What the brake holds it says itself, and once.
      const isNews = !isHeld(error) && this.warned.isNews(message, this);
      const level = isNews ? 'warn' : 'debug';
      if (isNews) this.#endLevel = 'info';
      logger[level]({ event: 'dependency.failed', ...fields }, 'failed, repeating');
    } else {
      this.#endLevel = 'info';
      logger.error(
        { event: 'work.stuck', ...fields },
        'retrying: unclassified error, needs an operator',
      );
    }
  }
}

function isHeld(error: Error): boolean {
  const verdict = classify(error);
  return verdict.kind === 'hold' && verdict.dependency === 'brake';
}

/** A failure that does not pass by itself. A hold of the brake reports itself, and is shown as held. */
function needsPerson(error: Error): boolean {
  const { kind } = classify(error);
  return kind === 'bug' || kind === 'poison';
}
