/** The interfaces that the sweeps and the change path need; main.ts plugs in adapters that fit structurally. */
import type { DatabaseMoment } from '../../lib/brake/database-guard';
import type { PartitionBacklog } from '../../lib/source/encoded-topic';
import type { CommitState } from '../../lib/stores/postgres/commit-state';
import type { Instant } from '../../lib/stores/postgres/instant';
import type { Whole } from '../../lib/stores/postgres/whole';
import type { ArtifactsExpired, SweepProgress } from '../../schemas/generated';
import type { DueRead } from './page';

/** A physical partition of p_ci_job_artifacts: one shard, with any number of partition_ids. */
export interface Shard {
  /** Schema-qualified. */
  readonly name: string;
  readonly partitionIds: readonly number[];
}

/** A due row, from a page or an event. */
export interface DueArtifact {
  readonly id: number;
  readonly partitionId: number;
  readonly projectId: number;
  readonly jobId: number;
  readonly expireAt: Instant;
  readonly createdOnDays: number;
  readonly fileType: number;
  readonly file: string | null;
  readonly fileStore: number;
  readonly fileLocation: number | null;
  readonly fileFinalPath: string | null;
  readonly sizeBytes: number | null;
}

/** The columns that sweep and change path read of an artifact, with PostgreSQL's values. */
export interface ArtifactColumns {
  readonly id: Whole;
  readonly partitionId: Whole;
  readonly projectId: Whole;
  readonly jobId: Whole;
  /** Null: text that is no instant. */
  readonly createdAt: Instant | null;
  readonly fileType: number;
  readonly file: string | null;
  readonly fileLocation: number | null;
  readonly fileFinalPath: string | null;
  readonly sizeBytes: Whole | null;
}

/** A row of a page with PostgreSQL's values: its place, and the columns that decide about it. */
export interface DueRow extends ArtifactColumns {
  readonly expireAt: Instant;
  readonly fileStore: number | null;
}

export interface DuePage {
  readonly rows: readonly DueRow[];
  /** Read in the transaction that read the rows. */
  readonly database: DatabaseMoment;
}

/** The progress of a shard's due sweep. */
export interface DuePosition {
  readonly shard: Shard;
  /** Nothing is due beyond it, as of the last page. */
  readonly caughtUp: boolean;
  /** Its watermark; null at the beginning. */
  readonly after: Instant | null;
}

export interface DueCount {
  readonly artifacts: number;
  /** Not counted to the end: PostgreSQL's estimate. */
  readonly isEstimate: boolean;
}

export interface ArtifactDatabase {
  /** @throws Error when a partition cannot be named by integer literals (DEFAULT, NULL, expressions). */
  shards(): Promise<readonly Shard[]>;
  readPage(shard: Shard, read: DueRead): Promise<DuePage>;
  /** How much is due after the watermark: counted up to a bound, beyond it estimated without reading a row. */
  countDue(shard: Shard, after: Instant | null): Promise<DueCount>;
  readCommitState(): Promise<CommitState>;
  /** Whether the replication slot exists and has its consistent point. */
  slotIsReady(slot: string): Promise<boolean>;
}

/** Where records are written, and the progress of their readers. */
export interface ExpiredTopic {
  /** Grows when partitions are added; the next `backlog` shows it. */
  readonly partitions: number;
  /** The partition that Kafka's default hash gives a key. */
  partitionOf(key: string): number;
  /**
   * Resolves when every record is acknowledged by all replicas.
   * @returns the offset of each record, in their order; null where the client does not report it.
   */
  produce(records: readonly PlacedRecord[]): Promise<readonly (number | null)[]>;
  /** The progress of the deleting group: [committed, end) is left. */
  backlog(): Promise<readonly PartitionBacklog[]>;
}

export interface PlacedRecord {
  readonly partition: number;
  readonly key: string;
  readonly value: ArtifactsExpired;
}

export interface ProgressTopic {
  /** The partition whose holder sweeps the shard. */
  partitionOf(shard: string): number;
  /** Resolves when all replicas have it. Every sweep of a shard is kept in the shard's one partition. */
  write(progress: SweepProgress): Promise<void>;
}
