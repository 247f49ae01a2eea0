/** The dependencies that every part of the archiver uses. */
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
  /** How long an unrenewed lease lasts. */
  readonly leaseMs: number;
  readonly budget: ByteBudget;
  /** The database's clock: GitLab wrote the end of a build by it. */
  readonly clock: Clock;
  readonly logger: Logger;
  readonly reach: ReachStep;
  /** Called before the first write of an effect; the handler sets it. */
  readonly mayBegin?: MayBegin;
}
