/**
 * Watches whether GitLab's Redis servers have room: shown on `/readyz`, in `afterbuild status` and as a metric. It also
 * keeps the memory reserve for leases while there is room.
 */
import { showFullRedis } from '../../lib/metrics/effects';
import type { Metrics } from '../../lib/metrics/metrics';
import type { Logger } from '../../lib/process/logger';
import type { Troubles } from '../../lib/process/troubles';

interface Memory {
  readonly usedBytes: number;
  readonly maxBytes: number | null;
  /** At its limit it drops keys, and refuses nothing while there are any to drop. */
  readonly evicts: boolean;
}

/** Of one server. */
export interface WatchedRedis {
  /** GitLab's use of it; label of the metric. */
  readonly store: 'shared-state' | 'trace-chunks';
  readonly address: string;
  /** Commands refused for lack of memory since the start. */
  readonly refusedAsFull: () => number;
  readonly memory: () => Promise<Memory>;
  /** Renews the reserve for leases, or creates it when so many bytes are free. */
  readonly keepReserve?: (freeBytes: number) => Promise<void>;
}

interface Seen {
  isFull: boolean;
  refused: number;
}

const megabytes = (bytes: number): string => (bytes / 1_048_576).toFixed(1);

export class RedisWatch {
  readonly #watched: readonly WatchedRedis[];
  readonly #troubles: Troubles;
  readonly #logger: Logger;
  readonly #seen = new Map<WatchedRedis, Seen>();
  /** The name of its entry among the troubles. */
  readonly #reserve = {};
  #isLooking = false;

  constructor(options: {
    watched: readonly WatchedRedis[];
    troubles: Troubles;
    metrics: Metrics;
    logger: Logger;
  }) {
    this.#watched = options.watched;
    this.#troubles = options.troubles;
    this.#logger = options.logger;
    showFullRedis(options.metrics, () =>
      [...this.#seen].map(([{ store }, { isFull }]) => ({ store, isFull })),
    );
  }

  /** One tick of the timer. A server that does not answer is reported by the code that needs it. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    for (const one of this.#watched) await this.#lookAt(one).catch(() => undefined);
    this.#isLooking = false;
  }

  async #lookAt(one: WatchedRedis): Promise<void> {
    const memory = await one.memory();
    const before = this.#seen.get(one) ?? { isFull: false, refused: one.refusedAsFull() };
    const freeBytes = (memory.maxBytes ?? Infinity) - memory.usedBytes;
    await this.#keepReserve(one, freeBytes);
    // Between two readings it may have been full without being at the limit in either.
    const refused = one.refusedAsFull();
    const isAtLimit = freeBytes < 0 && !memory.evicts;
    const now = { isFull: isAtLimit || refused > before.refused, refused };
    this.#seen.set(one, now);
    this.#show(one, before.isFull, now.isFull, memory);
  }

  async #keepReserve({ address, keepReserve }: WatchedRedis, freeBytes: number): Promise<void> {
    if (!keepReserve) return;
    try {
      await keepReserve(freeBytes);
      this.#troubles.end(this.#reserve);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#troubles.set(this.#reserve, {
        cause: `no memory can be set aside in Redis at ${address} for the leases that are taken when it is full (docs/runbooks/on-your-gitlab.md, the rights in Redis): ${reason}`,
        isStuck: false,
      });
    }
  }

  #show(
    one: WatchedRedis,
    wasFull: boolean,
    isFull: boolean,
    { usedBytes, maxBytes }: Memory,
  ): void {
    const { store, address } = one;
    const fields = { store, address, usedBytes, maxBytes };
    if (!isFull) {
      this.#troubles.end(one);
      if (wasFull)
        this.#logger.info({ event: 'redis.has-room', ...fields }, 'Redis has room again');
      return;
    }
    const limit = maxBytes === null ? '' : ` of the ${megabytes(maxBytes)} MB of its maxmemory`;
    const cause =
      `Redis at ${address} (${store}) is full: it uses ${megabytes(usedBytes)} MB${limit}, and refuses what GitLab appends. ` +
      'Each trace that is archived frees what it has there; if it stays full, or nothing can be archived, raise maxmemory';
    this.#troubles.set(one, { cause, isStuck: false });
    if (!wasFull) this.#logger.warn({ event: 'redis.full', ...fields }, 'Redis is full');
  }
}
