/**
 * Writes to `afterbuild.status` what this instance is doing: at once when the state or its cause changes, every 5
 * seconds while counts move, and every 15 seconds otherwise.
 *
 * Best effort: an unavailable broker makes the status older, and never stops the work of the process.
 */
import type { ConsumerState } from '../runtime/consumer';
import type { Clock } from '../process/clock';
import type { Logger } from '../process/logger';
import type { SetAside } from '../metrics/set-aside';
import type { Troubles } from '../process/troubles';
import type { InstanceStatus } from '../../schemas/generated';
import { RateMeter, type RedisView, statusOf, type Identity } from './instance-status';
import type { ReadSourceWork } from './source-work';
import type { Effective, FlagInForce } from './flags';

const statusEveryMs = 15_000;
const movingEveryMs = 5_000;
const lookEveryMs = 1_000;

interface StatusReporterOptions {
  readonly identity: Identity;
  readonly steering: { readonly effective: Effective; readonly flags: readonly FlagInForce[] };
  readonly troubles: Troubles;
  readonly setAside: Pick<SetAside, 'current'>;
  /** Null removes the status. */
  readonly write: (status: InstanceStatus | null) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class StatusReporter {
  readonly #options: StatusReporterOptions;
  readonly #meter = new RateMeter();
  #state: (() => ConsumerState) | null = null;
  #work: ReadSourceWork = () => null;
  #redis: (() => RedisView) | undefined;
  #said: InstanceStatus | null = null;
  #sinceMs = 0;
  #lastState = '';
  #writing: Promise<void> | null = null;
  #fails = false;
  #endLooking: () => void = () => undefined;

  constructor(options: StatusReporterOptions) {
    this.#options = options;
  }

  begin(state: () => ConsumerState, work: ReadSourceWork, redis?: () => RedisView): void {
    this.#state = state;
    this.#work = work;
    this.#redis = redis;
    this.#endLooking = this.#options.clock.every(lookEveryMs, () => this.look());
  }

  /** One tick of the timer. */
  look(): void {
    const status = this.#observe();
    if (!status || this.#writing || !this.#isNews(status)) return;
    this.#writing = this.#write(status).finally(() => (this.#writing = null));
  }

  /** The status is removed, so that the silence of a stopped process needs no explanation. Never rejects. */
  async end(): Promise<void> {
    this.#endLooking();
    await this.#writing;
    if (this.#said) await this.#write(null);
  }

  #observe(): InstanceStatus | null {
    if (!this.#state) return null;
    const { identity, steering, clock, setAside, troubles } = this.#options;
    const consumer = this.#state();
    const nowMs = clock.nowMs();
    const recordsPerSecond = this.#meter.look(consumer.partitions, identity.work, nowMs);
    const { effective, flags } = steering;
    const beside = {
      ...{ troubles: troubles.current, setAside: setAside.current, work: this.#work() },
      ...(this.#redis === undefined ? {} : { redis: this.#redis() }),
    };
    const observed = { consumer, ...beside, effective, flags };
    const at = { nowMs, sinceMs: this.#sinceMs, recordsPerSecond };
    const status = statusOf(observed, identity, at);
    if (status.state === this.#lastState) return status;
    this.#lastState = status.state;
    this.#sinceMs = nowMs;
    return { ...status, sinceMs: nowMs };
  }

  #isNews(status: InstanceStatus): boolean {
    const said = this.#said;
    if (!said || storyOf(said) !== storyOf(status)) return true;
    const ageMs = status.atMs - said.atMs;
    return (
      ageMs >= statusEveryMs || (ageMs >= movingEveryMs && countsOf(said) !== countsOf(status))
    );
  }

  async #write(status: InstanceStatus | null): Promise<void> {
    const { write, logger } = this.#options;
    try {
      await write(status);
      this.#said = status;
      this.#fails = false;
    } catch (error) {
      if (this.#fails) return;
      this.#fails = true;
      logger.warn(
        { event: 'status.unsaid', err: error },
        'the status cannot be written: trying again',
      );
    }
  }
}

const storyOf = (status: InstanceStatus): string => {
  const { state, causes, breakers, flags, partitions, setAside, work } = status;
  return JSON.stringify([
    state,
    causes,
    partitions,
    flags,
    setAside,
    work?.waitsFor ?? null,
    breakers.map(({ dependency, state: breaker }) => [dependency, breaker]),
  ]);
};

const countsOf = (status: InstanceStatus): string => {
  const { recordsPerSecond, bufferedRecords, oldestRecordAtMs, concurrency } = status;
  const { breakers, work, redisGuard } = status;
  return JSON.stringify([
    recordsPerSecond,
    bufferedRecords,
    oldestRecordAtMs,
    concurrency,
    work,
    breakers.map(({ nextProbeAtMs }) => nextProbeAtMs),
    redisGuard,
  ]);
};
