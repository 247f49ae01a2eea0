/** An S3 provider in virtual time: so many keys a second by a token bucket, SlowDown for the rest. */
import type { FailedKey } from '../../../lib/stores/s3/paced';
import { S3Error } from '../../../lib/stores/s3/errors';
import type { Clock } from '../../../lib/process/clock';

export interface ProviderLimit {
  readonly perSecond: number;
  /** Keys that it grants at once after a rest. */
  readonly burst: number;
  /** `request`: all or nothing, with a 503; `keys`: as many as there are tokens, SlowDown for the others. */
  readonly refuses: 'request' | 'keys';
  readonly latencyMs: () => number;
}

export class LimitedS3 {
  perSecond: number;
  requests = 0;
  deleted = 0;
  readonly #deletions: { readonly atMs: number; readonly keys: number }[] = [];
  readonly #limit: ProviderLimit;
  readonly #clock: Clock;
  #tokens: number;
  #filledAtMs = 0;

  constructor(limit: ProviderLimit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
    this.perSecond = limit.perSecond;
    this.#tokens = limit.burst;
  }

  async deleteObjects(keys: readonly string[]): Promise<readonly FailedKey[]> {
    const { refuses, latencyMs } = this.#limit;
    await this.#clock.sleep(latencyMs() / 2);
    this.requests += 1;
    this.#fill();
    const all = this.#tokens >= keys.length ? keys.length : 0;
    const granted = refuses === 'request' ? all : Math.min(keys.length, Math.floor(this.#tokens));
    this.#tokens -= granted;
    this.deleted += granted;
    this.#deletions.push({ atMs: this.#clock.nowMs(), keys: granted });
    await this.#clock.sleep(latencyMs() / 2);
    if (refuses === 'request' && granted === 0) {
      throw new S3Error('S3, DeleteObjects: SlowDown', 'unavailable', 'SlowDown', 503, undefined);
    }
    return keys.slice(granted).map((key) => ({ key, code: 'SlowDown' }));
  }

  /** Keys deleted a second, between two moments. */
  goodput(fromMs: number, untilMs: number): number {
    const count = this.#deletions
      .filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
      .reduce((sum, { keys }) => sum + keys, 0);
    return (count * 1_000) / (untilMs - fromMs);
  }

  #fill(): void {
    const nowMs = this.#clock.nowMs();
    const gained = ((nowMs - this.#filledAtMs) * this.perSecond) / 1_000;
    this.#tokens = Math.min(this.#limit.burst, this.#tokens + gained);
    this.#filledAtMs = nowMs;
  }
}
