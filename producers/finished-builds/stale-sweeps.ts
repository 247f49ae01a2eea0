/**
 * Runs the stale sweeps of this process: one for each slice whose partition of `afterbuild.stale-progress` it holds,
 * from the moment that the cursor is known until the partition is lost. Slice and partition have one number.
 */
import type { DatabaseGuard } from '../../lib/brake/database-guard';
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import type { StaleProgress } from '../../schemas/generated';
import { type FoundBuilds, noneFound, together } from './found-builds';
import { cursorName, laterProgress } from './progress';

/** One slice's loop. */
interface Sweep {
  readonly found: FoundBuilds;
  run(signal: AbortSignal): Promise<never>;
  requestRepair(reason: string): void;
}

interface StaleSweepsDependencies {
  readonly guard: Pick<DatabaseGuard, 'learn'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly createSweep: (slice: number, from: StaleProgress | undefined) => Sweep;
  /** A sweep ended with an error that no repetition can repair: the process must end. */
  readonly onFatal: (error: Error) => void;
}

/**
 * For so long a repair also applies to slices that come to this process after the request: the former holder may have
 * died during it, or given it up for a rebalance. A pass costs little.
 */
const repairOwedMs = 600_000;

interface Running {
  readonly abort: AbortController;
  readonly ended: Promise<void>;
  readonly sweep: Sweep;
}

export class StaleSweeps {
  readonly #known = new Map<number, StaleProgress>();
  readonly #held = new Set<number>();
  readonly #running = new Map<number, Running>();
  #mayRun = false;
  #repair: { readonly reason: string; readonly atMs: number } | undefined;

  constructor(private readonly parts: StaleSweepsDependencies) {}

  /** The decisions of operators are known: held slices may be swept from now on. */
  start(): void {
    this.#mayRun = true;
    for (const slice of this.#held) this.#begin(slice);
  }

  async stop(): Promise<void> {
    this.#mayRun = false;
    await Promise.all([...this.#running.keys()].map((slice) => this.#end(slice)));
  }

  /**
   * Changes of builds may have been lost: every slice of this process looks for them, and those that come to it just
   * now.
   */
  requestRepair(reason: string): void {
    this.#repair = { reason, atMs: this.parts.clock.nowMs() };
    for (const { sweep } of this.#running.values()) sweep.requestRepair(reason);
  }

  /** Over all slices that are swept here. */
  get found(): FoundBuilds {
    return [...this.#running.values()].map(({ sweep }) => sweep.found).reduce(together, noneFound);
  }

  /** A record of the topic, ours or a former owner's. */
  learn(slice: number, progress: StaleProgress | null): void {
    if (progress === null) return;
    this.#known.set(slice, laterProgress(this.#known.get(slice), progress));
    const by = cursorName(slice);
    this.parts.guard.learn({ origin: progress.origin, timestampMs: progress.atMs, by });
  }

  /** Every cursor of the partition has been read, and this process holds it. */
  hold(slice: number): void {
    this.#held.add(slice);
    this.#begin(slice);
  }

  /** Resolves when no page of the slice is in progress any more; its cursor stays known. */
  pause(slice: number): Promise<void> {
    this.#held.delete(slice);
    return this.#end(slice);
  }

  /** Another process holds the partition: its cursor may be outdated when it comes back. */
  lose(slice: number): void {
    void this.pause(slice);
    this.#known.delete(slice);
  }

  #begin(slice: number): void {
    if (!this.#mayRun || this.#running.has(slice)) return;
    const { clock, createSweep, logger, onFatal } = this.parts;
    const abort = new AbortController();
    const sweep = createSweep(slice, this.#known.get(slice));
    const repair = this.#repair;
    if (repair && clock.nowMs() - repair.atMs <= repairOwedMs) sweep.requestRepair(repair.reason);
    const ended = sweep.run(abort.signal).catch((error: unknown) => {
      if (abort.signal.aborted) return;
      onFatal(error instanceof Error ? error : new Error(String(error)));
    });
    this.#running.set(slice, { abort, ended, sweep });
    logger.info({ event: 'stale.begun', slice }, 'stale sweep begins');
  }

  async #end(slice: number): Promise<void> {
    const running = this.#running.get(slice);
    if (running === undefined) return;
    running.abort.abort(new Error('The slice is not swept here any more.'));
    await running.ended;
    if (this.#running.get(slice) !== running) return;
    this.#running.delete(slice);
    this.parts.logger.info({ event: 'stale.ended', slice }, 'stale sweep ends');
    // It came back while its last page was still being finished.
    if (this.#held.has(slice)) this.#begin(slice);
  }
}
