/**
 * Runs the sweeps of this process: one for each shard whose partition of `afterbuild.progress` it holds, from the
 * moment that its watermark is known until the partition is lost.
 */
import type { DatabaseGuard } from '../../lib/brake/database-guard';
import type { Troubles } from '../../lib/process/troubles';
import type { UntilDone } from '../../lib/service/until-done';
import {
  HeldSweeps,
  type HeldSweepsParts,
  type Sweep,
  type SweepTarget,
} from '../../lib/source/held-sweeps';
import type { SweepProgress } from '../../schemas/generated';
import type { ArtifactDatabase, DuePosition, ProgressTopic, Shard } from './ports';
import { laterProgress, progressKey, watermarkOf } from './progress';

const rediscoverEveryMs = 10_000;

/** One shard's loop. */
interface ShardLoop extends Sweep {
  readonly position: DuePosition;
}

interface SweepsDependencies extends HeldSweepsParts {
  readonly database: Pick<ArtifactDatabase, 'shards' | 'slotIsReady'>;
  readonly progress: Pick<ProgressTopic, 'partitionOf'>;
  readonly guard: Pick<DatabaseGuard, 'noteSighting'>;
  readonly untilDone: UntilDone;
  readonly troubles: Troubles;
  readonly slot: string;
  readonly createSweep: (shard: Shard, from: KnownProgress) => ShardLoop;
}

export interface KnownProgress {
  readonly due: SweepProgress | undefined;
  readonly full: SweepProgress | undefined;
}

interface PlacedShard extends SweepTarget {
  readonly shard: Shard;
}

export class Sweeps extends HeldSweeps<PlacedShard, ShardLoop> {
  readonly #known = new Map<string, { readonly partition: number; progress: SweepProgress }>();
  readonly #stopped = new AbortController();
  #shards: readonly Shard[] = [];
  #discovering: Promise<void> | undefined;

  constructor(private readonly parts: SweepsDependencies) {
    super(parts, { begun: 'sweep.begun', ended: 'sweep.ended', sweep: 'sweep' });
  }

  /** Called once. Finds the shards, waits for the slot in the background, and looks for new shards from then on. */
  start(): void {
    this.allow();
    this.#discovering ??= this.#discover().catch((error: unknown) => {
      if (!this.#stopped.signal.aborted) this.fatal(error);
    });
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('The process is stopping.'));
    await this.#discovering;
    await this.endAll();
  }

  /** Of the shards that are swept here now. */
  get positions(): readonly DuePosition[] {
    return this.running.map(({ sweep }) => sweep.position);
  }

  /** A record of `afterbuild.progress`, ours or a former owner's. */
  noteProgress(partition: number, progress: SweepProgress | null): void {
    if (progress === null) return;
    const key = `${progress.sweep}/${progress.shard}`;
    const known = this.#known.get(key);
    this.#known.set(key, { partition, progress: laterProgress(known?.progress, progress) });
    const { systemIdentifier, databaseName, timeline, lsn, atMs } = progress;
    const origin = { systemIdentifier, databaseName, timeline, lsn };
    const by = watermarkOf(progress.sweep, progress.shard);
    this.parts.guard.noteSighting({ origin, timestampMs: atMs, by });
  }

  protected forget(partition: number): void {
    for (const [key, known] of this.#known) {
      if (known.partition === partition) this.#known.delete(key);
    }
  }

  protected targetsOf(partition: number): PlacedShard[] {
    const { progress } = this.parts;
    return this.#shards
      .filter(({ name }) => progress.partitionOf(name) === partition)
      .map((shard) => ({ name: shard.name, partition, shard }));
  }

  protected createSweep({ name, shard }: PlacedShard): ShardLoop {
    return this.parts.createSweep(shard, {
      due: this.#known.get(progressKey('due', name))?.progress,
      full: this.#known.get(progressKey('full', name))?.progress,
    });
  }

  protected passOf({ name }: PlacedShard): number {
    return this.#known.get(progressKey('full', name))?.progress.epoch ?? 0;
  }

  protected logged({ partition, shard }: PlacedShard): object {
    return { shard: shard.name, partitionIds: shard.partitionIds, partition };
  }

  async #discover(): Promise<void> {
    const { clock, untilDone, database } = this.parts;
    const { signal } = this.#stopped;
    await this.#slotReady(signal);
    for (;;) {
      this.#shards = await untilDone('listing partitions', signal, () => database.shards());
      await this.#endOutdated();
      this.beginMissing();
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
    const current = new Set(this.#shards.map(textOf));
    await this.endWhere(({ shard }) => !current.has(textOf(shard)));
  }
}

const textOf = (shard: Shard): string => `${shard.name} ${shard.partitionIds.join(',')}`;
