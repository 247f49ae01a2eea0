/** A Redis guard on stores in memory: the pass alone, and the guard with its clock. */
import { LoggedNotes } from '../../../consumers/trace-archiver/logged-notes';
import { pino } from 'pino';
import type { Need } from '../../../consumers/trace-archiver/redis-guard/choose';
import { RedisGuard } from '../../../consumers/trace-archiver/redis-guard/guard';
import {
  pass,
  type Passed,
  type PassOrders,
} from '../../../consumers/trace-archiver/redis-guard/pass';
import type { Memory } from '../../../consumers/trace-archiver/redis-guard/ports';
import type {
  GuardStep,
  GuardDependencies,
} from '../../../consumers/trace-archiver/redis-guard/dependencies';
import type { GuardMode } from '../../../lib/control/flag-definitions';
import { ByteBudget } from '../../../lib/process/byte-budget';
import { createUntilDone } from '../../../lib/service/until-done';
import { Troubles } from '../../../lib/process/troubles';
import { HandClock } from '../records/control';
import type { Life } from './living-trace';
import { MemoryChunkLeases, MemoryChunkMoves } from './memory-chunk-moves';
import type { TraceGround } from './trace-archive';

const everyStore: ReadonlySet<number> = new Set([1, 4]);
const dayMs = 86_400_000;

export class GuardedTraces {
  readonly chunkLeases: MemoryChunkLeases;
  readonly moves: MemoryChunkMoves;
  readonly counted = { chunks: 0, bytes: 0 };
  mayBegin = true;
  readonly notes = new LoggedNotes();

  constructor(
    readonly ground: TraceGround & Partial<Pick<Life, 'chunkLeases'>>,
    readonly reach: (step: GuardStep) => void = () => undefined,
  ) {
    this.chunkLeases = ground.chunkLeases ?? new MemoryChunkLeases();
    this.moves = new MemoryChunkMoves(ground.rows);
  }

  dependencies(): GuardDependencies {
    const { ground } = this;
    return {
      rows: ground.rows,
      chunks: { sharedState: ground.sharedState, traceChunks: ground.traceChunks },
      leases: ground.leases,
      leaseMs: 30_000,
      chunkLeases: this.chunkLeases,
      moves: this.moves,
      budget: new ByteBudget(24 * 1024 * 1024),
      brake: ground.brake(),
      clock: ground.clock(),
      logger: ground.logger(),
      reach: this.reach,
      logged: this.notes,
      mayBegin: () => this.mayBegin,
      counts: {
        moved: (chunks, bytes) => {
          this.counted.chunks += chunks;
          this.counted.bytes += bytes;
        },
      },
    };
  }

  /** One pass with all stores too full, unless the test says otherwise. */
  pass(need: Partial<Need> = {}, orders: Partial<PassOrders> = {}): Promise<Passed> {
    return pass(this.dependencies(), {
      isDryRun: false,
      looksAtAll: true,
      need: (includesRunning) => ({ crowded: everyStore, ttlMs: dayMs, includesRunning, ...need }),
      ours: () => () => true,
      mayGoOn: () => true,
      batchBytes: () => 1_000_000,
      rest: () => Promise.resolve(),
      breathe: () => Promise.resolve(),
      ...orders,
    });
  }
}

/** A guard that reads every ten seconds of a clock that the test moves, for one server with both stores. */
export class RunningGuard {
  readonly clock = new HandClock();
  readonly stopping = new AbortController();
  readonly troubles = new Troubles();
  readonly guard: RedisGuard;
  mode: GuardMode = 'on';
  memory: () => Promise<Memory>;

  constructor(
    readonly traces: GuardedTraces,
    memory: () => Promise<Memory>,
  ) {
    this.memory = memory;
    const dependencies = traces.dependencies();
    this.guard = new RedisGuard({
      dependencies,
      servers: [{ name: 'shared-state', stores: [1, 4], memory: () => this.memory() }],
      settings: {
        startPercent: 70,
        ttlMs: dayMs,
        latencyMs: 200,
        everyMs: 10_000,
        passMs: 600_000,
      },
      untilDone: createUntilDone({
        clock: this.clock,
        logger: pino({ level: 'silent' }),
        random: () => 0,
        troubles: this.troubles,
      }),
      clock: this.clock,
    });
  }

  /** Until `isOver` returns true, checked after each sleep. */
  async until(isOver: () => boolean): Promise<void> {
    const { clock, stopping } = this;
    const sleep = clock.sleep.bind(clock);
    clock.sleep = (ms, signal) => {
      if (isOver()) stopping.abort();
      return sleep(ms, signal);
    };
    await this.guard.run(stopping.signal, {
      mode: () => this.mode,
      ours: () => () => true,
      mayBegin: () => this.traces.mayBegin,
    });
  }
}
