/**
 * Runs the stale sweeps of this process: one for each slice whose partition of `afterbuild.stale-progress` it holds,
 * from the moment that the cursor is known until the partition is lost. Slice and partition have one number.
 */
import type { DatabaseGuard } from '../../lib/brake/database-guard';
import {
  HeldSweeps,
  type HeldSweepsParts,
  type Sweep,
  type SweepTarget,
} from '../../lib/source/held-sweeps';
import type { StaleProgress } from '../../schemas/generated';
import { type FoundBuilds, noneFound, together } from './found-builds';
import { cursorName, laterProgress } from './progress';

/** One slice's loop. */
interface SliceLoop extends Sweep {
  readonly found: FoundBuilds;
}

interface StaleSweepsDependencies extends HeldSweepsParts {
  readonly guard: Pick<DatabaseGuard, 'noteSighting'>;
  readonly createSweep: (slice: number, from: StaleProgress | undefined) => SliceLoop;
}

export class StaleSweeps extends HeldSweeps<SweepTarget, SliceLoop> {
  readonly #known = new Map<number, StaleProgress>();

  constructor(private readonly parts: StaleSweepsDependencies) {
    super(parts, { begun: 'stale.begun', ended: 'stale.ended', sweep: 'stale sweep' });
  }

  /** The decisions of operators are known: held slices may be swept from now on. */
  start(): void {
    this.allow();
  }

  stop(): Promise<void> {
    return this.endAll();
  }

  /** Over all slices that are swept here. */
  get found(): FoundBuilds {
    return this.running.map(({ sweep }) => sweep.found).reduce(together, noneFound);
  }

  /** A record of the topic, ours or a former owner's. */
  noteProgress(slice: number, progress: StaleProgress | null): void {
    if (progress === null) return;
    this.#known.set(slice, laterProgress(this.#known.get(slice), progress));
    const by = cursorName(slice);
    this.parts.guard.noteSighting({ origin: progress.origin, timestampMs: progress.atMs, by });
  }

  protected forget(slice: number): void {
    this.#known.delete(slice);
  }

  protected targetsOf(slice: number): SweepTarget[] {
    return [{ name: `slice ${slice}`, partition: slice }];
  }

  protected createSweep({ partition: slice }: SweepTarget): SliceLoop {
    return this.parts.createSweep(slice, this.#known.get(slice));
  }

  /** A pass costs little: a slice that comes to this process after the request does it again. */
  protected passOf(): number {
    return 0;
  }

  protected logged({ partition: slice }: SweepTarget): object {
    return { slice };
  }
}
