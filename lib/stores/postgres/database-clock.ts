/**
 * A clock that shows the database's time. GitLab opens windows, such as the one in which a trace may still grow, by the
 * database's clock, so they are measured by that clock and not by a worker's own.
 */
import { type Clock, systemClock } from '../../process/clock';
import type { PostgresSession, Statement } from './pool';

const timeStatement: Statement = {
  name: 'read-time',
  text: `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "nowMs"`,
};

export class DatabaseClock implements Clock {
  #startedAtMs: number | undefined;

  /** Exact to half a round trip. Between two readings a monotonic clock counts. @throws PostgresError. */
  async set(session: PostgresSession): Promise<void> {
    const askedMs = performance.now();
    const [time] = await session.query<{ nowMs: number }>(timeStatement);
    if (time === undefined) throw new Error('PostgreSQL did not say what time it is.');
    this.#startedAtMs = time.nowMs - (askedMs + performance.now()) / 2;
  }

  /** @throws Error before it was set. */
  nowMs(): number {
    if (this.#startedAtMs === undefined) throw new Error('The clock has not been set.');
    return Math.round(this.#startedAtMs + performance.now());
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }

  every(ms: number, tick: () => void): () => void {
    return systemClock.every(ms, tick);
  }
}
