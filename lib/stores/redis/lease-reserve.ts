/**
 * Memory that is reserved while there is room, and freed when Redis is full, so that new leases need no new memory. One
 * key for all instances; it ends by itself when no instance renews it.
 */
import type { RedisConnection } from './connection';
import { RedisError } from './errors';
import { asOneOf } from './replies';

export const leaseReserveKey = 'afterbuild:lease-reserve';
/** A lease takes about 200 bytes (ADR 0025): room for 1,300, more than 12 instances take at once. */
const reserveBytes = 262_144;
const keepMs = 86_400_000;

export class RedisLeaseReserve {
  readonly #redis: RedisConnection;

  constructor(redis: RedisConnection) {
    this.#redis = redis;
  }

  /**
   * Keeps it for another day, or makes it. @param freeBytes how far Redis is below its limit.
   * @throws RedisError, except when there is no room for it.
   */
  async keep(freeBytes: number): Promise<void> {
    const [kept] = await this.#redis.pipeline((commands) =>
      commands.pexpire(leaseReserveKey, keepMs),
    );
    // Redis refuses a command that begins beyond the limit, not one that leads beyond it: the reserve must not fill
    // Redis.
    if (asOneOf(kept, [1, 0], 'PEXPIRE') === 1 || freeBytes < 2 * reserveBytes) return;
    const bytes = Buffer.alloc(reserveBytes);
    const [made] = await this.#redis.replies((commands) =>
      commands.set(leaseReserveKey, bytes, 'PX', keepMs, 'NX'),
    );
    if (made instanceof RedisError && !made.isFull) throw made;
  }

  /** What Redis refuses here it has said to `keep`. @throws RedisError when it does not answer. */
  async giveBack(): Promise<void> {
    await this.#redis.replies((commands) => commands.unlink(leaseReserveKey));
  }
}
