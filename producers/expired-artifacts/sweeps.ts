/**
 * Runs the sweeps of this process: one for each shard whose partition of `afterbuild.progress` it holds, from the
 * moment that its watermark is known until the partition is lost.
 */
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import type { SweepProgress } from '../../schemas/generated';
import type { DatabaseGuard } from '../../lib/brake/database-guard';
import type { ArtifactDatabase, DuePosition, ProgressTopic, Shard } from './ports';
import { laterProgress, progressKey, watermarkOf } from './progress';
import type { Troubles } from '../../lib/process/troubles';
import type { UntilDone } from '../../lib/service/until-done';

const rediscoverEveryMs = 10_000;
/**
 * For so long a repair also applies to shards that had no holder when it was asked for, or whose holder died during it:
 * longer than a rebalance takes.
 */
const repairOwedMs = 600_000;

/** One shard's loop. */
interface Sweep {
  readonly position: DuePosition;
  run(signal: AbortSignal): Promise<never>;
  requestRepair(reason: string): void;
}

interface SweepsDependencies {
  readonly database: Pick<ArtifactDatabase, 'shards' | 'slotIsReady'>;
  readonly progress: Pick<ProgressTopic, 'partitionOf'>;
  readonly guard: Pick<DatabaseGuard, 'learn'>;
  readonly untilDone: UntilDone;
  readonly troubles: Troubles;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly slot: string;
  readonly createSweep: (shard: Shard, from: KnownProgress) => Sweep;
  /** A sweep ended with an error that no repetition can repair: the process must end. */
  readonly onFatal: (error: Error) => void;
}

export interface KnownProgress {
  readonly due: SweepProgress | undefined;
  readonly full: SweepProgress | undefined;
}

interface Running {
  readonly partition: number;
  readonly sweep: Sweep;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
  readonly shardText: string;
}

export class Sweeps {
  readonly #known = new Map<string, { readonly partition: number; progress: SweepProgress }>();
  readonly #held = new Set<number>();
  readonly #running = new Map<string, Running>();
  #repair: { readonly reason: string; readonly atMs: number } | undefined;
  /** The epoch of the full sweep of each shard at the moment of the request. */
  readonly #repairAsked = new Map<string, number>();
  readonly #stopped = new AbortController();
  #shards: readonly Shard[] = [];
  #discovering: Promise<void> | undefined;

  constructor(private readonly parts: SweepsDependencies) {}

  /** Called once. Finds the shards, waits for the slot in the background, and looks for new shards from then on. */
  start(): void {
    this.#discovering ??= this.#discover().catch((error: unknown) => {
      if (!this.#stopped.signal.aborted) this.#fatal(error);
    });
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('The process is stopping.'));
    await this.#discovering;
    await this.#end([...this.#running.keys()]);
  }

  /** Of the shards that are swept here now. */
  get positions(): readonly DuePosition[] {
    return [...this.#running.values()].map(({ sweep }) => sweep.position);
  }

  /** A record of `afterbuild.progress`, ours or a former owner's. */
  learn(partition: number, progress: SweepProgress | null): void {
    if (progress === null) return;
    const key = `${progress.sweep}/${progress.shard}`;
    const known = this.#known.get(key);
    this.#known.set(key, { partition, progress: laterProgress(known?.progress, progress) });
    const { systemIdentifier, databaseName, timeline, lsn, atMs } = progress;
    const origin = { systemIdentifier, databaseName, timeline, lsn };
    const by = watermarkOf(progress.sweep, progress.shard);
    this.parts.guard.learn({ origin, timestampMs: atMs, by });
  }

  /** Every watermark of the partition has been read, and this process holds it. */
  hold(partition: number): void {
    this.#held.add(partition);
    this.#beginMissing();
  }

  /** Resolves when no page of the partition is in progress any more; its watermarks stay known. */
  async pause(partition: number): Promise<void> {
    this.#held.delete(partition);
    const ours = [...this.#running].filter(([, running]) => running.partition === partition);
    await this.#end(ours.map(([name]) => name));
  }

  /** Another process holds the partition: its watermarks may be outdated when it comes back. */
  lose(partition: number): void {
    void this.pause(partition);
    for (const [key, known] of this.#known) {
      if (known.partition === partition) this.#known.delete(key);
    }
  }

  /** All shards of this process are swept again from the beginning, also those that come to it just now. */
  requestRepair(reason: string): void {
    this.#repair = { reason, atMs: this.parts.clock.nowMs() };
    this.#repairAsked.clear();
    for (const [name, { sweep }] of this.#running) this.#ask(name, sweep, reason);
  }

  #ask(name: string, sweep: Sweep, reason: string): void {
    this.#repairAsked.set(name, this.#epochOf(name));
    sweep.requestRepair(reason);
  }

  #epochOf(name: string): number {
    return this.#known.get(progressKey('full', name))?.progress.epoch ?? 0;
  }

  /** A shard that moved, or was given up for a rebalance, before its repair had begun. */
  #isOwed(name: string): boolean {
    const { clock } = this.parts;
    if (this.#repair === undefined || clock.nowMs() - this.#repair.atMs > repairOwedMs)
      return false;
    const asked = this.#repairAsked.get(name);
    return asked === undefined || this.#epochOf(name) <= asked;
  }

  async #discover(): Promise<void> {
    const { clock, untilDone, database } = this.parts;
    const { signal } = this.#stopped;
    await this.#slotReady(signal);
    for (;;) {
      this.#shards = await untilDone('listing partitions', signal, () => database.shards());
      await this.#endOutdated();
      this.#beginMissing();
      await clock.sleep(rediscoverEveryMs, signal);
    }
  }

  /**
   * A commit before the slot's consistent point never becomes an event, so the first page is read behind it: then the
   * stream brings every change that the page did not see.
   */
  async #slotReady(signal: AbortSignal): Promise<void> {
    const { clock, database, logger, slot, troubles, untilDone } = this.parts;
    const isReady = () =>
      untilDone('looking for the replication slot', signal, () => database.slotIsReady(slot));
    if (await isReady()) return;
    logger.info(
      { event: 'slot.awaited', slot },
      'waiting for the replication slot before the first sweep (afterbuild connect apply makes it)',
    );
    const cause = `waiting for the replication slot ${slot} (afterbuild connect apply makes it)`;
    troubles.set(this, { cause, isStuck: false });
    try {
      do await clock.sleep(1_000, signal);
      while (!(await isReady()));
    } finally {
      troubles.end(this);
    }
    logger.info({ event: 'slot.found', slot }, 'the replication slot is there');
  }

  /** A partition whose ids have changed, or that is gone. */
  async #endOutdated(): Promise<void> {
    const current = new Map(this.#shards.map((shard) => [shard.name, textOf(shard)]));
    const outdated = [...this.#running].filter(
      ([name, running]) => current.get(name) !== running.shardText,
    );
    await this.#end(outdated.map(([name]) => name));
  }

  #beginMissing(): void {
    if (this.#stopped.signal.aborted) return;
    for (const shard of this.#shards) {
      const partition = this.parts.progress.partitionOf(shard.name);
      if (this.#held.has(partition) && !this.#running.has(shard.name)) {
        this.#begin(shard, partition);
      }
    }
  }

  #begin(shard: Shard, partition: number): void {
    const { createSweep, logger } = this.parts;
    const sweep = createSweep(shard, {
      due: this.#known.get(progressKey('due', shard.name))?.progress,
      full: this.#known.get(progressKey('full', shard.name))?.progress,
    });
    if (this.#repair && this.#isOwed(shard.name)) this.#ask(shard.name, sweep, this.#repair.reason);
    const abort = new AbortController();
    const ended = sweep.run(abort.signal).catch((error: unknown) => {
      if (!abort.signal.aborted) this.#fatal(error);
    });
    const shardText = textOf(shard);
    this.#running.set(shard.name, { partition, sweep, abort, ended, shardText });
    const { name, partitionIds } = shard;
    logger.info({ event: 'sweep.begun', shard: name, partitionIds, partition }, 'sweep begins');
  }

  async #end(names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const running = this.#running.get(name);
        if (running === undefined) return;
        running.abort.abort(new Error('The shard is not swept here any more.'));
        await running.ended;
        if (this.#running.get(name) !== running) return;
        this.#running.delete(name);
        this.parts.logger.info({ event: 'sweep.ended', shard: name }, 'sweep ends');
      }),
    );
  }

  #fatal(error: unknown): void {
    this.parts.onFatal(error instanceof Error ? error : new Error(String(error)));
  }
}

const textOf = (shard: Shard): string => `${shard.name} ${shard.partitionIds.join(',')}`;
