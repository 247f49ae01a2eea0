/**
 * How much work is left at its source: artifacts that are due in the database behind the watermarks, since when, and
 * how many are in flight. Read now and then, and cheaply: a sweep that has caught up is not queried.
 */
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import { type Instant, minusInfinity } from '../../lib/stores/postgres/instant';
import type { SourceWork } from '../../schemas/generated';
import type { LoopLimit } from './loop-limit';
import type { LoopLimitedOutput } from './paced-output';
import type { ArtifactDatabase, DuePosition } from './ports';

const lookEveryMs = 15_000;
const deletes = 'artifact-deleter';

interface DueWorkDependencies {
  readonly database: Pick<ArtifactDatabase, 'countDue'>;
  readonly sweeps: { readonly positions: readonly DuePosition[] };
  readonly output: Pick<LoopLimitedOutput, 'isFull' | 'lookAgain'>;
  readonly limit: Pick<LoopLimit, 'ownInFlight'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Due {
  readonly artifacts: number;
  readonly isEstimate: boolean;
  /** The oldest watermark with something due behind it; null without any. */
  readonly sinceMs: number | null;
}

export class DueWork {
  #due: Due | null = null;
  #looking: Promise<void> | null = null;
  #endLooking: () => void = () => undefined;

  constructor(private readonly parts: DueWorkDependencies) {}

  start(): void {
    this.#endLooking = this.parts.clock.every(lookEveryMs, () => void this.look());
  }

  async stop(): Promise<void> {
    this.#endLooking();
    await this.#looking;
  }

  /** One tick of the timer. Never rejects: an amount that cannot be counted is unknown. */
  look(): Promise<void> {
    this.#looking ??= this.#count().finally(() => (this.#looking = null));
    return this.#looking;
  }

  /** For status and metrics. */
  read(): SourceWork {
    const { output, limit } = this.parts;
    const due = this.#due;
    return {
      unit: 'artifacts',
      perSecond: 0,
      inDatabase: due?.artifacts ?? null,
      isEstimate: due?.isEstimate ?? false,
      dueSinceMs: due?.sinceMs ?? null,
      inFlight: limit.ownInFlight,
      waitsFor: output.isFull ? deletes : null,
      bytesFreed: null,
    };
  }

  async #count(): Promise<void> {
    const { database, logger, output, sweeps } = this.parts;
    try {
      await output.lookAgain();
      let due: Due = { artifacts: 0, isEstimate: false, sinceMs: null };
      for (const { shard, caughtUp, after } of sweeps.positions) {
        if (caughtUp) continue;
        const { artifacts, isEstimate } = await database.countDue(shard, after);
        if (artifacts === 0) continue;
        due = {
          artifacts: due.artifacts + artifacts,
          isEstimate: due.isEstimate || isEstimate,
          sinceMs: earlier(due.sinceMs, after),
        };
      }
      this.#due = due;
    } catch (error) {
      this.#due = null;
      // An error here also fails the sweep, which logs it.
      logger.debug({ event: 'due.uncounted', err: error }, 'what is due was not counted');
    }
  }
}

/** A shard that begins has no watermark to be dated by, and `-infinity` is none either. */
function earlier(sinceMs: number | null, after: Instant | null): number | null {
  if (after === null || after <= minusInfinity) return sinceMs;
  const afterMs = Number(after / 1_000n);
  return sinceMs === null ? afterMs : Math.min(sinceMs, afterMs);
}
