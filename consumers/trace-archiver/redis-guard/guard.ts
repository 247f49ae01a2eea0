/**
 * The Redis guard: watches the memory of the Redis servers that hold live chunks, and reports when they are full. Where
 * an operator has set the flag `redis-guard`, it moves chunks into the database while there is too little room, or
 * while Redis is about to drop data by itself (ADR 0026).
 *
 * It needs neither records nor the bucket: it goes on while the archiver is held. Each instance handles the builds
 * whose records lie on partitions that it holds.
 */
import type { GuardMode } from '../../../lib/control/flag-definitions';
import type { RedisView } from '../../../lib/control/instance-status';
import type { Clock } from '../../../lib/process/clock';
import type { UntilDone } from '../../../lib/service/until-done';
import { chunkBytes } from '../../../lib/gitlab/trace-chunks';
import { crowdedStores, excessBytes, type Need, type SeenServer } from './choose';
import { MemoryTrend } from './memory-trend';
import { firstPace, isThrottled, nextPace, type Pace } from './pace';
import { type IsOurs, pass, type Passed, type PassOrders } from './pass';
import type { GuardedRedis } from './ports';
import type { GuardStores, GuardDependencies } from './dependencies';

interface GuardSettings {
  /** Of `maxmemory`; above it chunks move. */
  readonly startPercent: number;
  /** Data that Redis drops sooner than this always moves. */
  readonly ttlMs: number;
  /** Time limit of the database for one batch. */
  readonly latencyMs: number;
  /** Between two readings of the memory. */
  readonly everyMs: number;
  /** Between two searches for data that ends. */
  readonly passMs: number;
}

interface GuardOptions {
  readonly dependencies: GuardStores;
  readonly servers: readonly GuardedRedis[];
  readonly settings: GuardSettings;
  readonly untilDone: UntilDone;
  /** For waiting; `around.clock` is the database's. */
  readonly clock: Clock;
}

/** Known once the consumer runs. */
export interface Steering {
  mode(): GuardMode;
  /** The builds whose records lie on partitions that this instance holds now. */
  ours(): IsOurs;
  mayBegin(): boolean;
}

const unsteered: Steering = { mode: () => 'off', ours: () => () => false, mayBegin: () => false };

interface Watched extends GuardedRedis {
  readonly trend: MemoryTrend;
}

/** After a pass that moved nothing, so many readings go by before the next pass. */
const patience = 6;

export class RedisGuard {
  readonly #options: GuardOptions;
  readonly #servers: readonly Watched[];
  #steering = unsteered;
  #pace: Pace = firstPace;
  #nextPassMs = 0;
  #nextTtlMs = 0;
  #said: string | null = null;
  #isCrowdTold = false;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#servers = options.servers.map((server) => ({ ...server, trend: new MemoryTrend() }));
  }

  /** Of the servers that answer. */
  get rooms(): RedisView['redisRooms'] {
    return this.#servers.flatMap(({ name, trend }) =>
      trend.last === null ? [] : [{ name, ...trend.last, fullInMs: trend.fullInMs() }],
    );
  }

  /** Its activity, in words; null while it is off. */
  get says(): string | null {
    return this.#steering.mode() === 'off' ? null : (this.#said ?? 'watches');
  }

  get view(): RedisView {
    return { redisRooms: this.rooms, redisGuard: this.says };
  }

  /** Resolves when the signal aborts, after the batch under way. */
  async run(signal: AbortSignal, steering: Steering): Promise<void> {
    this.#steering = steering;
    const { clock, settings, untilDone } = this.#options;
    try {
      for (;;) {
        await clock.sleep(settings.everyMs, signal);
        if (this.#steering.mode() === 'off') await this.#watchOnly();
        else await untilDone('guarding Redis', signal, () => this.#look(signal));
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** No work was requested that an unavailable server would prevent. */
  async #watchOnly(): Promise<void> {
    this.#said = null;
    await this.#sample().catch(() => undefined);
    this.#tellCrowd();
  }

  async #sample(): Promise<void> {
    for (const server of this.#servers) {
      try {
        server.trend.add(this.#options.clock.nowMs(), await server.memory());
      } catch (error) {
        server.trend.lost();
        throw error;
      }
    }
  }

  /** Once, until there is room again: nothing else reports that a flag could help. */
  #tellCrowd(): void {
    const { dependencies, settings } = this.#options;
    const isCrowded = this.#crowded().size > 0;
    if (isCrowded && !this.#isCrowdTold) {
      const fields = { event: 'redis.crowded', rooms: this.rooms };
      const text = `Redis uses more than ${settings.startPercent} % of its memory, and the flag redis-guard is off`;
      dependencies.logger.warn(fields, text);
    }
    this.#isCrowdTold = isCrowded;
  }

  #seen(freed: ReadonlyMap<number, number> = new Map()): SeenServer[] {
    return this.#servers.map(({ stores, trend: { last } }) => {
      const bytes = stores.reduce((sum, store) => sum + (freed.get(store) ?? 0), 0);
      return { stores, memory: last && { ...last, usedBytes: last.usedBytes - bytes } };
    });
  }

  #crowded(freed?: ReadonlyMap<number, number>): ReadonlySet<number> {
    return crowdedStores(this.#seen(freed), this.#options.settings.startPercent);
  }

  /** No more than needed. */
  #batchBytes(freed: ReadonlyMap<number, number>): number {
    const { startPercent } = this.#options.settings;
    const excess = Math.max(
      ...this.#seen(freed).map((server) => excessBytes(server, startPercent)),
    );
    const wanted = excess > 0 ? Math.max(excess, chunkBytes) : Infinity;
    return Math.min(this.#pace.batchBytes, wanted);
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { settings, clock } = this.#options;
    const dependencies: GuardDependencies = {
      ...this.#options.dependencies,
      mayBegin: () => this.#steering.mayBegin(),
    };
    // The flag may have been unset while this failed.
    if (this.#steering.mode() === 'off') return;
    await this.#sample();
    const nowMs = clock.nowMs();
    const isTtlDue = nowMs >= this.#nextTtlMs;
    if (!isTtlDue && (this.#crowded().size === 0 || nowMs < this.#nextPassMs)) return;
    // Another member may have our partitions by now: then nothing begins.
    if (!dependencies.mayBegin()) return;
    const isDryRun = this.#steering.mode() === 'dry-run';
    const orders = this.#orders(isDryRun, isTtlDue, signal);
    const passed = await pass(dependencies, orders);
    if (isTtlDue && orders.mayGoOn()) this.#nextTtlMs = clock.nowMs() + settings.passMs;
    const hasMoved = passed.chunks > 0 && !isDryRun;
    this.#nextPassMs = clock.nowMs() + (hasMoved ? 0 : patience * settings.everyMs);
    this.#tell(passed, isDryRun, clock.nowMs() - nowMs);
  }

  #orders(isDryRun: boolean, looksAtAll: boolean, signal: AbortSignal): PassOrders {
    const { settings, clock } = this.#options;
    const steering = this.#steering;
    const wanted: GuardMode = isDryRun ? 'dry-run' : 'on';
    return {
      isDryRun,
      looksAtAll,
      ours: () => steering.ours(),
      need: (includesRunning, { bytesOf }): Need => ({
        crowded: this.#crowded(bytesOf),
        ttlMs: settings.ttlMs,
        includesRunning,
      }),
      mayGoOn: () => !signal.aborted && steering.mode() === wanted && steering.mayBegin(),
      batchBytes: ({ bytesOf }) => this.#batchBytes(bytesOf),
      rest: async (elapsedMs) => {
        if (elapsedMs === null) return;
        this.#pace = nextPace(this.#pace, elapsedMs, settings.latencyMs);
        this.#said = this.#progress(elapsedMs);
        await clock.sleep(this.#pace.pauseMs, signal);
        await this.#sample();
      },
      breathe: (elapsedMs) => clock.sleep(elapsedMs, signal),
    };
  }

  #progress(elapsedMs: number): string {
    const { latencyMs } = this.#options.settings;
    return isThrottled(this.#pace, latencyMs)
      ? `spares PostgreSQL, which takes ${Math.round(elapsedMs)} ms for one chunk (REDIS_GUARD_LATENCY_MS ${latencyMs})`
      : 'moves chunks into the database';
  }

  #tell({ chunks, bytes, settled }: Passed, isDryRun: boolean, elapsedMs: number): void {
    const { logger } = this.#options.dependencies;
    const isMore = this.#crowded().size > 0;
    if (isDryRun) this.#said = `dry run: would move ${chunks} chunks, ${bytes} bytes`;
    else this.#said = isMore && chunks === 0 ? 'finds nothing more that may move' : null;
    if (chunks === 0 && settled === 0) return;
    const fields = { chunks, bytes, settled, elapsedMs };
    if (isDryRun) logger.info({ event: 'guard.would-move', ...fields }, 'would move chunks');
    else logger.info({ event: 'guard.moved', ...fields }, 'moved chunks into the database');
  }
}
