/** What every part of the archiver works with. */
import type { ByteBudget } from '../../lib/process/byte-budget';
import type { MayBegin } from '../../lib/runtime/subscription';
import type { Clock } from '../../lib/process/clock';
import type { Logger } from '../../lib/process/logger';
import type { ReachStep } from '../../lib/process/steps';
import type { ChunkStores } from './chunk-data';
import type { ArchiveRules } from './decide';
import type {
  ArchiveBrake,
  ArchiveCounts,
  EndingTraces,
  MissingChunks,
  TraceLeases,
  TraceObjects,
  TraceRows,
} from './ports';

export interface Dependencies {
  readonly rows: TraceRows;
  readonly objects: TraceObjects;
  readonly chunks: ChunkStores;
  readonly leases: TraceLeases;
  readonly missing: MissingChunks;
  readonly ending: EndingTraces;
  readonly brake: ArchiveBrake;
  readonly counts: ArchiveCounts;
  readonly rules: ArchiveRules;
  /** How long a lease lasts that nobody renews. */
  readonly leaseMs: number;
  readonly budget: ByteBudget;
  /** The database's: by it GitLab wrote when a build ended. */
  readonly clock: Clock;
  readonly logger: Logger;
  readonly reach: ReachStep;
  /** Asked before the first write of an effect; main.ts leaves it to the handler. */
  readonly mayBegin?: MayBegin;
}
