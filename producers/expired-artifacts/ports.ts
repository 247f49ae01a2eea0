/** What the sweeps and the change path need from outside; the adapters fit structurally, in main.ts. */
import type { DatabaseMoment } from '../../lib/brake/database-guard';
import type { CommitState } from '../../lib/stores/postgres/commit-state';
import type { Instant } from '../../lib/stores/postgres/instant';
import type { Whole } from '../../lib/stores/postgres/whole';
import type { ArtifactsExpired, SweepProgress } from '../../schemas/generated';
import type { DueRead } from './page';

/** A physical partition of p_ci_job_artifacts: one shard, whatever the number of its partition_ids. */
export interface Shard {
  /** Schema-qualified. */
  readonly name: string;
  readonly partitionIds: readonly number[];
}

/** A row that is due, as a page or an event says it. */
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

/** What sweep and change path read of an artifact, as PostgreSQL has it. */
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

/** A row of a page as PostgreSQL has it: in its place, and with what it can be judged by. */
export interface DueRow extends ArtifactColumns {
  readonly expireAt: Instant;
  readonly fileStore: number | null;
}

export interface DuePage {
  readonly rows: readonly DueRow[];
  /** Read in the transaction that read the rows. */
  readonly database: DatabaseMoment;
}

/** How far a shard's due sweep has come. */
export interface DuePosition {
  readonly shard: Shard;
  /** Nothing is due beyond it, as of the last page. */
  readonly caughtUp: boolean;
  /** Its watermark; null at the beginning. */
  readonly after: Instant | null;
}

export interface DueCount {
  readonly artifacts: number;
  /** Not counted to the end: what PostgreSQL expects. */
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

/** Where records go and how far their readers have come. */
export interface ExpiredTopic {
  /** Grows when partitions are added; the next `backlog` says so. */
  readonly partitions: number;
  /** The partition that Kafka's default hash gives a key. */
  partitionOf(key: string): number;
  /**
   * Resolves when every record is acknowledged by all replicas.
   * @returns the offset of each record, in their order; null where the client does not tell.
   */
  produce(records: readonly PlacedRecord[]): Promise<readonly (number | null)[]>;
  /** How far the deleting group has come: it has yet to do [committed, end). */
  backlog(): Promise<readonly PartitionBacklog[]>;
}

export interface PlacedRecord {
  readonly partition: number;
  readonly key: string;
  readonly value: ArtifactsExpired;
}

export interface PartitionBacklog {
  readonly partition: number;
  /** First offset that is not done; the log's start when the group has never committed. */
  readonly committed: number;
  readonly end: number;
}

export interface ProgressTopic {
  /** The partition whose holder sweeps the shard. */
  partitionOf(shard: string): number;
  /** Resolves when all replicas have it. Every sweep of a shard is kept in the shard's one partition. */
  write(progress: SweepProgress): Promise<void>;
}
