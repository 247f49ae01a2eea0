/** The interfaces that the change path and the stale sweep need; main.ts plugs in adapters that fit structurally. */
import type { DatabaseMoment } from '../../lib/brake/database-guard';
import type { OddRow } from '../../lib/metrics/set-aside';
import type { PartitionBacklog } from '../../lib/source/encoded-topic';
import type { CommitState } from '../../lib/stores/postgres/commit-state';
import type { BuildFinished, StaleProgress } from '../../schemas/generated';

/** A build that has ended and was not erased. */
export interface FinishedBuild {
  readonly partitionId: number;
  readonly buildId: number;
  readonly projectId: number;
  readonly status: string;
  /** Milliseconds since the epoch. */
  readonly finishedAtMs: number;
}

/** A build that has chunk rows. */
interface ChunkedBuild {
  readonly buildId: number;
  /** Null while it is not due: unfinished, erased, or finished too short a time ago. */
  readonly due: Omit<FinishedBuild, 'partitionId' | 'buildId'> | null;
}

export interface StaleRead {
  readonly partitionId: number;
  /** Builds with a higher id only. */
  readonly afterBuildId: number;
  /** Builds whose id leaves this remainder... */
  readonly slice: number;
  /** ...when divided by this. */
  readonly slices: number;
  readonly buildsMax: number;
  /** How long ago a build must have finished to be due. */
  readonly ageMs: number;
}

export interface StalePage {
  /** In order of id; fewer than requested only at the end of the partition_id. */
  readonly builds: readonly ChunkedBuild[];
  /** Builds with chunk rows that no page can name; read once in each pass of slice 0. */
  readonly odd: readonly OddRow[];
  /** The next higher partition_id that has chunk rows, of any slice. */
  readonly nextPartitionId: number | null;
  /** Read in the transaction that read the rows. */
  readonly database: DatabaseMoment;
}

export interface BuildDatabase {
  readPage(read: StaleRead): Promise<StalePage>;
  readCommitState(): Promise<CommitState>;
}

export interface FinishedRecord {
  /** `<partition_id>:<build_id>`: all records of a build lie in one partition, in their order. */
  readonly key: string;
  readonly value: BuildFinished;
}

/** `builds.finished`, and the progress of the group that archives. */
export interface FinishedTopic {
  /** Resolves when every record is acknowledged by all replicas. */
  produce(records: readonly FinishedRecord[]): Promise<void>;
  backlog(): Promise<readonly PartitionBacklog[]>;
}

export interface CursorTopic {
  /** Resolves when all replicas have it. */
  write(progress: StaleProgress): Promise<void>;
}
