/** The rows of a trace, live and archived, as the archiver and PostgreSQL's adapter speak of them. */

export interface ChunkRow {
  readonly id: number;
  readonly index: number;
  /** `data_store`: 1 Redis, 2 database, 3 object storage, 4 Redis for chunks. */
  readonly store: number;
  readonly lockVersion: number;
  /** CRC32 of the chunk when it was flushed, in decimal; null while it is live. */
  readonly checksum: string | null;
}

export interface PendingState {
  /** `crc32:<hex>` of the whole trace, from the runner; null when it sent none. */
  readonly checksum: string | null;
  readonly sizeBytes: number | null;
}

export interface TraceArtifact {
  readonly id: number;
  readonly projectId: number;
  readonly jobId: number;
  readonly createdOnDays: number;
  readonly file: string | null;
  readonly fileStore: number | null;
  readonly fileLocation: number | null;
  readonly fileFinalPath: string | null;
  readonly sizeBytes: number | null;
  /** Of the content, in hex. */
  readonly sha256: string | null;
  /** Since it was inserted, by the database's clock. */
  readonly ageMs: number;
}

/** A build with all rows of its trace, in one snapshot. */
export interface BuildTrace {
  readonly buildId: number;
  readonly projectId: number;
  readonly type: string | null;
  readonly status: string | null;
  readonly isErased: boolean;
  /** Sorted by index. */
  readonly chunks: readonly ChunkRow[];
  readonly pending: PendingState | null;
  readonly artifact: TraceArtifact | null;
}

/** A stored trace, and the rows that it was read from. */
export interface StoredTrace {
  readonly buildId: number;
  readonly projectId: number;
  /** All of them, as they were read. */
  readonly chunks: readonly ChunkRow[];
  readonly key: string;
  readonly sizeBytes: number;
  /** Of the content, in hex. */
  readonly sha256: string;
  readonly md5: string;
  /** The row to change instead of inserting one: ours, or GitLab's that lost its object. */
  readonly replaces: TraceArtifact | null;
  /**
   * For an object that this pass did not write itself. Called under the locks of the rows: false keeps the row from
   * pointing at an object that has been removed.
   */
  readonly isStillStored?: () => Promise<boolean>;
}

/**
 * - `changed`: chunks or the artifact have changed; read again.
 * - `claimed`: the build has a trace artifact that did not exist before.
 * - `gone`: no such build, or it was erased, or it runs again.
 */
export type Commitment = 'committed' | 'changed' | 'claimed' | 'gone';
